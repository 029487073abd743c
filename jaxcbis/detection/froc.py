"""Free-response figures: lesions found against false marks per image."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxcbis.evaluation import bootstrap

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
    parted = _parted(scores, found)
    thresholds = np.unique(np.concatenate([[], *scores]))[::-1]
    images, lesions = len(scores), len(parted.lesions)
    false = _at_least(parted.false, thresholds) / max(images, 1)
    sensitivity = _at_least(parted.lesions, thresholds) / lesions if lesions else None
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


def resampled(
    scores: Sequence[ArrayLike], found: Sequence[ArrayLike], times: NDArray
) -> NDArray[np.float64]:
    """`sensitivity_at` of samples in which images occur several times or not at all.

    Args:
      scores, found: of `froc`.
      times: [samples, images], how often each sample holds each image.

    Returns:
      [samples, RATES]; NaN where a sample holds no lesion.
    """
    parted = _parted(scores, found)
    order = np.argsort(-parted.false, kind="stable")
    of_false = parted.image_of_false[order]
    # The false positive that is one too many bounds the scores of the lesions that count as found;
    # where there is none, all that a mark hits do.
    bounds = np.append(parted.false[order], -np.inf)
    sensitivity = np.full((len(times), len(RATES)), np.nan)
    for row, drawn in zip(sensitivity, times, strict=True):
        allowed = drawn.sum() * np.array(RATES)
        bound = bounds[np.searchsorted(drawn[of_false].cumsum(), allowed, side="right")]
        weights = drawn[parted.image_of_lesion]
        if weights.any():
            row[:] = weights @ (parted.lesions[:, None] > bound) / weights.sum()
    return sensitivity


def with_intervals(
    scores: Sequence[ArrayLike], found: Sequence[ArrayLike], times: NDArray | None
) -> dict[str, Any]:
    """`froc`, and 'sensitivity_at_ci95': by rate the interval of the sensitivity there.

    Args:
      scores, found: of `froc`.
      times: of `bootstrap.draw`, for the images; None gives no intervals.

    Returns:
      By rate [low, high], Clopper and Pearson's where none or all are found
      (`bootstrap.interval_of_share`), None where there is none.
    """
    curve = froc(scores, found)
    at = curve["sensitivity_at"]
    if times is None:
        return curve | {"sensitivity_at_ci95": dict.fromkeys(at)}
    bounds = {}
    for rate, samples in zip(at, resampled(scores, found, times).T, strict=True):
        # Of none or all the samples tell where the threshold may fall, and nothing of the rest.
        known = [at[rate]] if at[rate] in (0, 1) else samples
        bounds[rate] = bootstrap.interval_of_share(known, times)
    return curve | {"sensitivity_at_ci95": bounds}


class _Parted(NamedTuple):
    """Marks of all images, parted.

    Attributes:
      lesions: [lesions], the best score of each one's marks; -inf where none hits it.
      image_of_lesion: int [lesions].
      false: [m], scores of the marks that hit no lesion.
      image_of_false: int [m].
    """

    lesions: np.ndarray
    image_of_lesion: np.ndarray
    false: np.ndarray
    image_of_false: np.ndarray


def _parted(scores: Sequence[ArrayLike], found: Sequence[ArrayLike]) -> _Parted:
    lesions: list[np.ndarray] = []
    false: list[np.ndarray] = []
    for each, hit in zip(scores, found, strict=True):
        values, hit = np.asarray(each, float), np.asarray(hit, bool)
        lesions.append(np.where(hit, values[:, None], -np.inf).max(axis=0, initial=-np.inf))
        false.append(values[~hit.any(axis=1)])
    images = np.arange(len(lesions))
    return _Parted(
        np.concatenate([[], *lesions]), np.repeat(images, [len(each) for each in lesions]),
        np.concatenate([[], *false]), np.repeat(images, [len(each) for each in false]),
    )  # fmt: skip


def _at_least(values: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """How many values reach each threshold."""
    ordered = np.sort(values)
    return len(ordered) - np.searchsorted(ordered, thresholds)
