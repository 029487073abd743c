"""How well class activation maps meet the radiologists' masks, beside maps that know nothing."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxcbis.errors import UserError
from jaxcbis.labels import BACKGROUND, LABELS

#: Shares of a map's maximum at which the LL score is reported besides the chosen one.
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))


def score(
    maps: ArrayLike,
    masks: ArrayLike,
    labels: ArrayLike,
    predicted: ArrayLike,
    *,
    threshold: float = 0.5,
    grid: int,
    seed: int = 0,
) -> tuple[dict, NDArray]:
    """Scores maps of the predicted class against lesion masks.

    A map is thresholded at a share of its own maximum (>=) and scored by intersection over union
    (IoU). An all-zero map scores 0 everywhere. Scored are the correctly classified lesion samples
    (background has no mask), of which the result holds:

    - threshold: the share of the maximum.
    - n_scored: how many samples are scored; with none, every mean is None.
    - ll_score: mean IoU (lesion localisation score).
    - ll_score_background_as_zero: the same, correctly classified background counted as 0.
    - accuracy_x_ll: accuracy over all samples, lesion or not, times ll_score.
    - per_class: {label: {n, ll_score}}.
    - by_threshold: {"0.05" .. "0.95": ll_score at that threshold}.
    - otsu: mean IoU of maps scaled to 8 bit and thresholded by Otsu's method.
    - pointing_game: share of maps whose maximum (the first one) lies in the mask.
    - energy_in_mask: mean share of a map's sum that lies in the mask.
    - zero_maps: how many scored maps are zero everywhere.
    - baselines: ll_score of maps that have seen no image, on the same samples at the same
      threshold: all_ones; centred_gaussian (deviation a quarter of the side); random (uniform noise
      on the maps' grid, upsampled); and grid_ceiling, the mask itself averaged to the grid and
      upsampled: the most that a map of that resolution can be expected to reach.

    Args:
      maps: [n, S, S] float32 maps of the predicted class, at least 0, at the masks' size.
      masks: [n, S, S] bool.
      labels: [n] true class indices.
      predicted: [n] predicted class indices.
      threshold: share of the maximum, above 0 and at most 1.
      grid: side of the maps before upsampling, e.g. 7.
      seed: of the random baseline.

    Returns:
      The `localization` object of results.json, and [n] the IoU of every lesion sample, classified
      correctly or not (NaN for background).

    Raises:
      UserError: a map of a lesion sample is not finite.
    """
    maps, masks = np.asarray(maps, dtype=np.float32), np.asarray(masks, dtype=bool)
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    if maps.shape != masks.shape or maps.ndim != 3 or len(maps) != len(labels):
        raise ValueError(
            f"expected maps and masks [n, S, S] for {len(labels)} labels, "
            f"got {maps.shape} and {masks.shape}"
        )
    if not 0 < threshold <= 1:
        raise ValueError(f"expected a threshold in (0, 1], got {threshold}")

    iou = np.full(len(labels), np.nan)
    correct = labels == predicted
    scored = np.flatnonzero(correct & (labels != BACKGROUND))
    for index in np.flatnonzero(labels != BACKGROUND):
        if not np.isfinite(maps[index]).all():
            raise UserError(
                f"the class activation map of test item {index} is not finite: the training "
                "diverged; lower the learning rates"
            )
        iou[index] = _iou(_above(maps[index], threshold), masks[index])

    def ll_score(candidates: Iterator[NDArray], share: float) -> float | None:
        pairs = zip(candidates, (masks[i] for i in scored), strict=True)
        return _mean([_iou(_above(candidate, share), mask) for candidate, mask in pairs])

    def mean_of(figure: Callable[[NDArray, NDArray], float]) -> float | None:
        return _mean([figure(maps[i], masks[i]) for i in scored])

    ll = _mean(iou[scored])
    n_correct = int(correct.sum())
    sweep = np.array([_sweep(maps[i], masks[i]) for i in scored]).reshape(-1, len(THRESHOLDS))
    result = {
        "threshold": threshold,
        "n_scored": len(scored),
        "ll_score": ll,
        "ll_score_background_as_zero": float(iou[scored].sum()) / n_correct if n_correct else None,
        "accuracy_x_ll": None if ll is None else float(correct.mean()) * ll,
        "per_class": {
            label: {"n": int(of_class.sum()), "ll_score": _mean(iou[scored[of_class]])}
            for label, of_class in ((name, labels[scored] == k) for k, name in enumerate(LABELS))
        },
        "by_threshold": {f"{t:.2f}": _mean(sweep[:, k]) for k, t in enumerate(THRESHOLDS)},
        "otsu": mean_of(lambda each, mask: _iou(_above_otsu(each), mask)),
        "pointing_game": mean_of(lambda each, mask: float(each.any() and mask.flat[each.argmax()])),
        "energy_in_mask": mean_of(_energy_in_mask),
        "zero_maps": sum(not maps[i].any() for i in scored),
        "baselines": {
            name: ll_score(candidates, threshold)
            for name, candidates in _baselines(masks, scored, grid, seed).items()
        },
    }
    return result, iou


def _baselines(masks: NDArray, scored: NDArray, grid: int, seed: int) -> dict[str, Iterator]:
    side = masks.shape[1]
    offset = np.arange(side, dtype=np.float32) - (side - 1) / 2
    profile = np.exp(-0.5 * (offset / (side / 4)) ** 2)
    gaussian = np.outer(profile, profile)
    ones = np.ones((side, side), np.float32)
    noise = np.random.default_rng(seed)

    def upsampled(coarse: NDArray) -> NDArray:
        return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR)

    def averaged(mask: NDArray) -> NDArray:
        return cv2.resize(mask.astype(np.float32), (grid, grid), interpolation=cv2.INTER_AREA)

    return {
        "all_ones": (ones for _ in scored),
        "centred_gaussian": (gaussian for _ in scored),
        "random": (upsampled(noise.random((grid, grid), dtype=np.float32)) for _ in scored),
        "grid_ceiling": (upsampled(averaged(masks[i])) for i in scored),
    }


def _above(heat: NDArray, share: float) -> NDArray:
    peak = heat.max()
    return heat >= share * peak if peak > 0 else np.zeros(heat.shape, bool)


def _above_otsu(heat: NDArray) -> NDArray:
    peak = heat.max()
    if peak <= 0:
        return np.zeros(heat.shape, bool)
    scaled = np.rint(heat * (255 / peak)).astype(np.uint8)
    return cv2.threshold(scaled, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1].astype(bool)


def _sweep(heat: NDArray, mask: NDArray) -> list[float]:
    return [_iou(_above(heat, share), mask) for share in THRESHOLDS]


def _iou(area: NDArray, mask: NDArray) -> float:
    shared = np.count_nonzero(area & mask)
    union = np.count_nonzero(area) + np.count_nonzero(mask) - shared
    return shared / union if union else 0.0


def _energy_in_mask(heat: NDArray, mask: NDArray) -> float:
    total = float(heat.sum(dtype=np.float64))
    return float(heat.sum(where=mask, dtype=np.float64)) / total if total > 0 else 0.0


def _mean(values: ArrayLike) -> float | None:
    values = np.asarray(values, dtype=np.float64)
    return float(values.mean()) if values.size else None
