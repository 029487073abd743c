"""How one map meets one mask.

A map is [side, side], at least 0; its mask is bool of the same shape. A map that is zero everywhere
marks nothing and scores 0; only its pixels' average precision is that of every constant map.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

#: Shares of a map's maximum at which `by_threshold` is taken.
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))
#: Enlarging leaves pixels that were equal this far apart, as a share of their value.
ROUNDING = 1e-6


def iou(heat: NDArray, mask: NDArray, threshold: float) -> float:
    """Intersection over union of the mask and what reaches a share of the map's maximum."""
    return _iou(above(heat, threshold), mask)


def above(heat: NDArray, share: float) -> NDArray:
    """Where a map reaches a share of its maximum: the area that `iou` is measured on."""
    peak = heat.max()
    return heat >= share * peak if peak > 0 else np.zeros(heat.shape, bool)


def by_threshold(heat: NDArray, mask: NDArray) -> list[float]:
    """`iou` at each of THRESHOLDS."""
    return [iou(heat, mask, share) for share in THRESHOLDS]


def otsu(heat: NDArray, mask: NDArray) -> float:
    """Intersection over union at the threshold of Otsu's method, the map scaled to 8 bit."""
    peak = heat.max()
    if peak <= 0:
        return 0.0
    scaled = np.rint(heat * (255 / peak)).astype(np.uint8)
    area = cv2.threshold(scaled, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1].astype(bool)
    return _iou(area, mask)


def pointing_game(heat: NDArray, mask: NDArray) -> float:
    """Whether the maximum lies in the mask; where several pixels share it, how much of them does.

    The maximum of a constant map is every pixel, so that it scores the mask's share of the area,
    and that of a coarse map that was enlarged may be a whole corner.
    """
    peak = heat.max()
    return float(mask[heat >= peak * (1 - ROUNDING)].mean()) if peak > 0 else 0.0


def energy_in_mask(heat: NDArray, mask: NDArray) -> float:
    """The mask's share of the map's sum."""
    total = float(heat.sum(dtype=np.float64))
    return float(heat.sum(where=mask, dtype=np.float64)) / total if total > 0 else 0.0


def pixel_average_precision(heat: NDArray, mask: NDArray) -> float:
    """Area under the precision-recall curve of the map's pixels; of a constant map, the mask's
    share of the area.

    It is scikit-learn's average_precision_score, in half the time.
    """
    if not mask.any():
        return 0.0
    order = heat.argsort(axis=None)[::-1]
    sorted_heat = heat.ravel()[order]
    # Equal pixels are taken together: only behind the last of them there is a threshold.
    last = np.flatnonzero(np.append(sorted_heat[1:] != sorted_heat[:-1], True))
    hits = mask.ravel()[order].cumsum()[last]
    return float((np.diff(hits, prepend=0) * (hits / (last + 1))).sum() / hits[-1])


#: Figures of one map and its mask that need no threshold, by name.
FIGURES: dict[str, Callable[[NDArray, NDArray], float]] = {
    "otsu": otsu,
    "pointing_game": pointing_game,
    "energy_in_mask": energy_in_mask,
    "pixel_average_precision": pixel_average_precision,
}


def _iou(area: NDArray, mask: NDArray) -> float:
    shared = np.count_nonzero(area & mask)
    union = np.count_nonzero(area) + np.count_nonzero(mask) - shared
    return shared / union if union else 0.0
