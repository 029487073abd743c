"""A lesion mask to the bounding box of the lesion."""

from typing import NamedTuple

import cv2
import numpy as np


class Box(NamedTuple):
    """A half-open box in pixels: columns x0..x1-1, rows y0..y1-1."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def area(self) -> int:
        """In pixels; 0 where it is empty."""
        return max(self.x1 - self.x0, 0) * max(self.y1 - self.y0, 0)

    def crop(self, image: np.ndarray) -> np.ndarray:
        """The box's pixels of an image [height, width, ...], without a copy."""
        return image[self.y0 : self.y1, self.x0 : self.x1]


def lesion_box(mask: np.ndarray) -> Box:
    """Returns the tight box of the mask's largest region: specks beside it are annotation noise.

    The paper suppresses boxes that overlap one of a higher score (non-maximum suppression); the
    score is the region's area. The best box is never suppressed, so that choosing it is the same.

    Args:
      mask: uint8 [height, width], not 0 inside the lesion.

    Raises:
      ValueError: if the mask is empty.
    """
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        raise ValueError("an empty mask has no lesion box")

    def rank(contour: np.ndarray) -> tuple[float, int, Box]:
        box = _box(contour)
        return -cv2.contourArea(contour), -box.area, box  # of equal areas, always the same one

    return _box(min(contours, key=rank))


def _box(contour: np.ndarray) -> Box:
    x, y, width, height = cv2.boundingRect(contour)
    return Box(x, y, x + width, y + height)


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
