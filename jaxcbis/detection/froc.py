"""Free-response figures: lesions found against false marks per image."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

#: False positives per image at which the sensitivity is read off, as in LUNA16 and CAMELYON16.
RATES = (0.125, 0.25, 0.5, 1, 2, 4, 8)


def hits(boxes: ArrayLike, masks: Sequence[np.ndarray]) -> np.ndarray:
    """Which mark hits which lesion: its centre lies in the lesion's mask.

    Args:
      boxes: [k, 4] marks of one image, half open: x0, y0, x1, y1.
      masks: one [height, width] per lesion, not 0 inside.

    Returns:
      bool [k, lesions].
    """
    x0, y0, x1, y1 = np.asarray(boxes, int).reshape(-1, 4).T
    y, x = (y0 + y1) // 2, (x0 + x1) // 2
    return np.stack([mask[y, x] > 0 for mask in masks], axis=1) if masks else x[:, None][:, :0] > 0


def froc(scores: Sequence[ArrayLike], found: Sequence[ArrayLike]) -> dict:
    """The free-response curve over all images.

    A lesion is found at a threshold if a mark that hits it scores as much or more; several marks of
    one lesion count once. A mark that hits no lesion is a false positive.

    Args:
      scores: per image, [k] of its marks.
      found: per image, bool [k, lesions] of `hits`.

    Returns:
      {'images', 'lesions', 'thresholds', 'false_positives_per_image', 'sensitivity',
      'sensitivity_at'}: the curve, from the highest threshold down, one point per score; and
      {'0.125': ..}, the highest sensitivity with at most so many false positives per image. A
      sensitivity is None where there is no lesion.
    """
    of_lesions: list[float] = []
    of_false: list[float] = []
    every: list[float] = []
    for each, hit in zip(scores, found, strict=True):
        values, hit = np.asarray(each, float), np.asarray(hit, bool)
        of_lesions += np.where(hit, values[:, None], -np.inf).max(axis=0, initial=-np.inf).tolist()
        of_false += values[~hit.any(axis=1)].tolist()
        every += values.tolist()
    thresholds = np.unique(every)[::-1]
    images, lesions = len(scores), len(of_lesions)
    false = _at_least(of_false, thresholds) / max(images, 1)
    sensitivity = _at_least(of_lesions, thresholds) / lesions if lesions else None
    return {
        "images": images,
        "lesions": lesions,
        "thresholds": thresholds.tolist(),
        "false_positives_per_image": false.tolist(),
        "sensitivity": None if sensitivity is None else sensitivity.tolist(),
        "sensitivity_at": {
            str(rate): None
            if sensitivity is None
            else float(sensitivity[false <= rate].max(initial=0))
            for rate in RATES
        },
    }


def _at_least(values: list[float], thresholds: np.ndarray) -> np.ndarray:
    """How many values reach each threshold."""
    ordered = np.sort(values)
    return len(ordered) - np.searchsorted(ordered, thresholds)
