"""A patch model swept over a whole mammogram: class probabilities window by window."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from jaxcbis.errors import UserError
from jaxcbis.labels import BACKGROUND, LABELS
from jaxcbis.models.inference import Track, map_batches, untracked

#: Windows are this many steps per side apart.
STEPS = 4
#: A window is looked at if at least this share of it is breast, as in the background patches that
#: the models are trained on.
BREAST = 0.5
#: Boxes that overlap a better one by more than this (IoU) are left out.
OVERLAP = 0.1


class Sweep(NamedTuple):
    """What a model says of the windows of one mammogram.

    Attributes:
      probabilities: float64 [rows, columns, classes]; NaN where a window holds too little breast.
      boxes: int32 [rows, columns, 4], the windows, half open: x0, y0, x1, y1 in the mammogram's
        pixels.
    """

    probabilities: np.ndarray
    boxes: np.ndarray

    @property
    def suspicion(self) -> np.ndarray:
        """Probability of any lesion, [rows, columns]."""
        return 1 - self.probabilities[..., BACKGROUND]


class Mark(NamedTuple):
    """A window that stands out.

    Attributes:
      box: x0, y0, x1, y1, half open, in pixels of the mammogram.
      score: what it was ranked by, mostly the probability of any lesion.
      probabilities: float64 [classes].
    """

    box: tuple[int, int, int, int]
    score: float
    probabilities: np.ndarray

    @property
    def lesion(self) -> str:
        """Probability of any lesion; where it would read 1.000, by how much it falls short of 1."""
        background = self.probabilities[BACKGROUND]
        return f"{1 - background:.3f}" if background >= 0.0005 else f"1 - {background:.2g}"


class Plan(NamedTuple):
    """The windows of one mammogram, of which nothing is known yet.

    Attributes:
      image: uint8 [height, width], reduced to the training's resolution where that is coarser.
      side: of a window in the image.
      corners: int [rows * columns, 2], first row and column of each window in the image.
      looked_at: int [n], which of them hold enough breast.
      boxes: int32 [rows, columns, 4], as of a Sweep.
    """

    image: np.ndarray
    side: int
    corners: np.ndarray
    looked_at: np.ndarray
    boxes: np.ndarray

    def crops(self, index: np.ndarray) -> list[np.ndarray]:
        """The windows with these numbers, each uint8 [side, side]."""
        return [self.image[y : y + self.side, x : x + self.side] for y, x in self.corners[index]]


def plan(mammogram: np.ndarray, window: int, *, trained: int | None = None) -> Plan:
    """Lays square windows all over a mammogram.

    Where the mammogram is finer than those that the model learned from, it is first reduced to
    their resolution, so that a window shows as much detail as a patch did.

    Args:
      mammogram: uint8 [height, width].
      window: side of a window in the mammogram's pixels.
      trained: side of the lesion crops that the model learned from, in pixels of their mammograms;
        a larger window is reduced to it.

    Raises:
      UserError: the mammogram is smaller than a window.
    """
    height, width = mammogram.shape
    if window > min(height, width):
        raise UserError(
            f"the mammogram has {width} x {height} pixels, less than a window of {window}; "
            "give --window N, the side of a lesion's crop in its pixels"
        )
    image, side = mammogram, window
    if trained is not None and trained < window:
        side, scale = trained, trained / window
        size = max(round(width * scale), side), max(round(height * scale), side)
        image = cv2.resize(mammogram, size, interpolation=cv2.INTER_AREA)
    top, left = (_starts(length, side) for length in image.shape)
    y, x = (starts.ravel() for starts in np.meshgrid(top, left, indexing="ij"))
    looked_at = np.flatnonzero(_breast(image, y, x, side) >= BREAST)
    across, down = width / image.shape[1], height / image.shape[0]
    bounds = np.stack([x * across, y * down, (x + side) * across, (y + side) * down], axis=-1)
    boxes = np.rint(bounds).astype(np.int32).reshape(len(top), len(left), 4)
    return Plan(image, side, np.stack([y, x], axis=-1), looked_at, boxes)


def sweep(
    answer: Callable[[Sequence[np.ndarray]], np.ndarray], planned: Plan, track: Track = untracked
) -> Sweep:
    """Asks a model about the windows of a mammogram, each as if it were cut out alone.

    A window is stretched to the model's input as a patch is.

    Args:
      answer: uint8 patches, b of [side, side], to probabilities [b, classes].
      planned: of `plan`.
      track: shows how far it is.
    """
    probabilities = np.full((len(planned.corners), len(LABELS)), np.nan)
    if planned.looked_at.size:
        probabilities[planned.looked_at] = map_batches(
            lambda index: answer(planned.crops(index)), planned.looked_at, track, "windows"
        )
    return Sweep(probabilities.reshape(*planned.boxes.shape[:2], -1), planned.boxes)


def best(found: Sweep, count: int) -> list[Mark]:
    """The windows most probably of a lesion that hardly overlap, the best one first.

    Args:
      found: of `sweep`.
      count: at most this many.
    """
    return ranked(found, found.suspicion)[:count]


def ranked(found: Sweep, scores: np.ndarray) -> list[Mark]:
    """The windows looked at, from the highest score down, less those that overlap a better one.

    Args:
      found: of `sweep`.
      scores: [rows, columns], at least 0; a window that scores 0 is left out.
    """
    seen = ~np.isnan(found.suspicion)
    boxes, values, classes = found.boxes[seen], scores[seen], found.probabilities[seen]
    corners = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxes(corners.tolist(), values.tolist(), 0.0, OVERLAP) if len(boxes) else []
    return [
        Mark(tuple(boxes[i].tolist()), float(values[i]), classes[i]) for i in np.asarray(kept, int)
    ]


def _starts(length: int, side: int) -> np.ndarray:
    """Evenly spaced first pixels of windows that cover a length from end to end."""
    count = -(-(length - side) * STEPS // side) + 1
    return np.rint(np.linspace(0, length - side, count)).astype(int)


def _breast(image: np.ndarray, y: np.ndarray, x: np.ndarray, side: int) -> np.ndarray:
    """Share of breast in the windows at y, x: of the largest bright region; labels lie apart."""
    from tfds_cbis import breast  # here: its package loads TFDS

    table = cv2.integral(breast.largest(breast.bright(image)))
    inside = table[y + side, x + side] - table[y, x + side] - table[y + side, x] + table[y, x]
    return inside / side**2
