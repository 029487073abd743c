"""Whether a mask that was brought to its mammogram's size lies on its lesion."""

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np

from tfds_cbis.release.boxes import Box

#: A crop is found where it correlates with the mammogram at least as well.
FOUND = 0.8
#: The share of a mask that must lie on the crop of its lesion, which shows all of it.
INSIDE = 0.9
#: Crops are looked for at a resolution that leaves their shorter side as many pixels.
SIDE = 48


class _Match(NamedTuple):
    """Where a crop fits best, and how well; sorts by that."""

    correlation: float
    box: Box


def lies_off(
    mask: np.ndarray, crops: Iterable[np.ndarray], mammogram: np.ndarray, scale: float
) -> bool:
    """Whether a mask lies elsewhere than the crop of its lesion, which tells its true place.

    A crop shows more than the lesion: a shift within that margin is not seen.

    Args:
      mask: uint8 [height, width], not 0 inside the lesion.
      crops: grey images uint8 [h, w] from the lesion's folder.
      mammogram: uint8 [height, width].
      scale: by which the mask was enlarged: the crop may be of either resolution.

    Returns:
      False, too, where no crop is found in the mammogram.
    """
    matches = [
        match
        for crop in crops
        for size in {1.0, scale}
        if (match := _match(crop, mammogram, size)) and match.correlation >= FOUND
    ]
    if not matches:
        return False
    inside = np.count_nonzero(max(matches).box.crop(mask))
    return bool(inside < INSIDE * np.count_nonzero(mask))


def _match(crop: np.ndarray, mammogram: np.ndarray, scale: float) -> _Match | None:
    """The best place of a crop that is enlarged by a scale; None if it cannot be compared."""
    height, width = (round(side * scale) for side in crop.shape)
    step = max(min(height, width) // SIDE, 1)
    shape = tuple(side // step for side in mammogram.shape)
    target = (width // step, height // step)
    if min(target) < 1 or target[0] > shape[1] or target[1] > shape[0]:
        return None
    small = cv2.resize(crop, target, interpolation=cv2.INTER_AREA)
    if small.min() == small.max():
        return None
    whole = cv2.resize(mammogram, shape[::-1], interpolation=cv2.INTER_AREA)
    _, best, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(whole, small, cv2.TM_CCOEFF_NORMED))
    # To the nearest step, which is added all around.
    x0, y0 = max((x - 1) * step, 0), max((y - 1) * step, 0)
    return _Match(best, Box(x0, y0, (x + 1) * step + width, (y + 1) * step + height))
