"""A lesion mask to the bounding box of the lesion."""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

#: Boxes that overlap a larger one by more than this are the same lesion's.
IOU_THRESHOLD = 0.5


class Box(NamedTuple):
    """A half-open box in pixels: columns x0..x1-1, rows y0..y1-1."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def area(self) -> int:
        return max(self.x1 - self.x0, 0) * max(self.y1 - self.y0, 0)

    def crop(self, image: np.ndarray) -> np.ndarray:
        """The box's pixels of an image [height, width, ...], without a copy."""
        return image[self.y0 : self.y1, self.x0 : self.x1]


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes; 0 where both are empty."""
    shared = Box(max(a.x0, b.x0), max(a.y0, b.y0), min(a.x1, b.x1), min(a.y1, b.y1)).area
    union = a.area + b.area - shared
    return shared / union if union else 0.0


def contour_boxes(mask: np.ndarray) -> list[tuple[Box, float]]:
    """Returns the box and the area in pixels of every outer contour of a mask.

    Args:
        mask: uint8 [height, width], not 0 inside.
    """
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    boxes = []
    for contour in contours:
        x, y, width, height = cv2.boundingRect(contour)
        boxes.append((Box(x, y, x + width, y + height), cv2.contourArea(contour)))
    return boxes


def non_max_suppression(
    boxes: list[tuple[Box, float]], iou_threshold: float = IOU_THRESHOLD
) -> Iterator[Box]:
    """Yields, from the highest score down, each box that overlaps no kept one too much.

    One after the other, as a mask may have thousands of specks, and each is held against all kept.

    Args:
        boxes: boxes with their scores; equal scores are ordered by the box's area and place.
        iou_threshold: a box with a larger IoU than this to a kept box is left out.
    """
    kept: list[Box] = []
    for box, _ in sorted(boxes, key=lambda item: (-item[1], -item[0].area, item[0])):
        if all(iou(box, other) <= iou_threshold for other in kept):
            kept.append(box)
            yield box


def lesion_box(mask: np.ndarray) -> Box:
    """Returns the tight box of the mask's largest region: specks beside it are annotation noise.

    Args:
        mask: uint8 [height, width], not 0 inside the lesion.

    Raises:
        ValueError: if the mask is empty.
    """
    largest = next(non_max_suppression(contour_boxes(mask)), None)
    if largest is None:
        raise ValueError("an empty mask has no lesion box")
    return largest


def square_around(box: Box, context: float, shape: tuple[int, int]) -> Box:
    """Returns a square around a box, moved to where it lies inside the image.

    Args:
        box: of the lesion.
        context: what is added on each side, as a share of the box's longer side.
        shape: height and width of the image; the square is no larger than the shorter one.
    """
    height, width = shape
    longer = max(box.x1 - box.x0, box.y1 - box.y0)
    side = min(round((1 + 2 * context) * longer), height, width)
    x0 = min(max((box.x0 + box.x1 - side) // 2, 0), width - side)
    y0 = min(max((box.y0 + box.y1 - side) // 2, 0), height - side)
    return Box(x0, y0, x0 + side, y0 + side)
