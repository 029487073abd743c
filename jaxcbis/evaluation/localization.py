"""How well class activation maps meet the radiologists' masks, beside maps that know nothing."""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score

from jaxcbis.errors import UserError
from jaxcbis.evaluation import bootstrap
from jaxcbis.labels import BACKGROUND, LABELS, SUFFIXES

#: Shares of a map's maximum at which the LL score is reported besides the chosen one.
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))

#: Figures of one map and its mask, by name.
FIGURES = ("iou", "otsu", "pointing_game", "energy_in_mask", "pixel_average_precision")


def score(
    maps: ArrayLike,
    masks: ArrayLike,
    labels: ArrayLike,
    predicted: ArrayLike,
    *,
    threshold: float = 0.5,
    grid: int,
    seed: int = 0,
    patients: ArrayLike | None = None,
    true_maps: ArrayLike | None = None,
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
    - samples: figures of other choices of samples and maps: 'correct' as above, 'all' every lesion
      with the map of the class predicted for it, and 'all_true_class' with that of its true class;
      of each {'lesions', 'mass', 'calcification', and every lesion class}: {n, iou, otsu,
      pointing_game, energy_in_mask, pixel_average_precision}, means over their lesions. The last
      one is the area under the precision-recall curve of a map's pixels, which needs no
      threshold.
    - ll_score_ci95: 95 % interval of ll_score, see `bootstrap`.
    - baseline_figures: 'samples' of the same maps as in baselines, of every lesion.
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
      patients: [n] patient of each item; without them there is no interval.
      true_maps: [n, S, S] maps of the true class; without them 'all_true_class' is None.

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

    lesions = np.flatnonzero(labels != BACKGROUND)
    correct = labels == predicted
    scored = np.flatnonzero(correct & (labels != BACKGROUND))
    is_scored = correct[lesions]
    figures = _figures((maps[i] for i in lesions), masks[lesions], threshold, lesions)
    iou = np.full(len(labels), np.nan)
    iou[lesions] = figures["iou"]
    of_scored = {name: values[is_scored] for name, values in figures.items()}
    of_baselines = {
        name: _figures(candidates, masks[lesions], threshold, lesions)
        for name, candidates in _baselines(masks, lesions, grid, seed).items()
    }
    of_true_class = None
    if true_maps is not None:
        each = np.asarray(true_maps, dtype=np.float32)
        of_true_class = _figures((each[i] for i in lesions), masks[lesions], threshold, lesions)

    ll = _mean(iou[scored])
    n_correct = int(correct.sum())
    sweep = np.array([_sweep(maps[i], masks[i]) for i in scored]).reshape(-1, len(THRESHOLDS))
    times = None if patients is None else bootstrap.draw(patients)
    result = {
        "threshold": threshold,
        "n_scored": len(scored),
        "ll_score": ll,
        "ll_score_ci95": None
        if times is None
        else bootstrap.interval(bootstrap.mean(iou[scored], times[:, scored])),
        "ll_score_background_as_zero": float(iou[scored].sum()) / n_correct if n_correct else None,
        "accuracy_x_ll": None if ll is None else float(correct.mean()) * ll,
        "per_class": {
            label: {"n": int(of_class.sum()), "ll_score": _mean(iou[scored[of_class]])}
            for label, of_class in ((name, labels[scored] == k) for k, name in enumerate(LABELS))
        },
        "by_threshold": {f"{t:.2f}": _mean(sweep[:, k]) for k, t in enumerate(THRESHOLDS)},
        "otsu": _mean(of_scored["otsu"]),
        "pointing_game": _mean(of_scored["pointing_game"]),
        "energy_in_mask": _mean(of_scored["energy_in_mask"]),
        "zero_maps": sum(not maps[i].any() for i in scored),
        "samples": {
            "correct": _by_type(of_scored, labels[scored]),
            "all": _by_type(figures, labels[lesions]),
            "all_true_class": of_true_class and _by_type(of_true_class, labels[lesions]),
        },
        "baselines": {name: _mean(of["iou"][is_scored]) for name, of in of_baselines.items()},
        "baseline_figures": {
            name: _by_type(of, labels[lesions]) for name, of in of_baselines.items()
        },
    }
    return result, iou


def _figures(
    heats: Iterable[NDArray], masks: NDArray, threshold: float, items: NDArray
) -> dict[str, NDArray]:
    """The `FIGURES` of maps and their masks, each [k]."""
    rows = []
    for heat, mask, item in zip(heats, masks, items, strict=True):
        if not np.isfinite(heat).all():
            raise UserError(
                f"the class activation map of test item {item} is not finite: the training "
                "diverged; lower the learning rates"
            )
        rows.append(
            (
                _iou(_above(heat, threshold), mask),
                _iou(_above_otsu(heat), mask),
                float(heat.any() and mask.flat[heat.argmax()]),
                _energy_in_mask(heat, mask),
                float(average_precision_score(mask.ravel(), heat.ravel())) if mask.any() else 0.0,
            )
        )
    table = np.array(rows, np.float64).reshape(-1, len(FIGURES))
    return dict(zip(FIGURES, table.T, strict=True))


def _by_type(figures: dict[str, NDArray], labels: NDArray) -> dict[str, dict]:
    """Means over all lesions, over masses and calcifications apart, and per class."""
    chosen = {"lesions": labels != BACKGROUND} | {
        kind: np.isin(labels, [k for k, label in enumerate(LABELS) if label.endswith(suffix)])
        for kind, suffix in SUFFIXES.items()
    }
    chosen |= {label: labels == k for k, label in enumerate(LABELS) if k != BACKGROUND}
    return {
        kind: {"n": int(members.sum())}
        | {name: _mean(values[members]) for name, values in figures.items()}
        for kind, members in chosen.items()
    }


def centred_gaussian(side: int) -> NDArray:
    """A map [side, side] that knows only where crops have their lesions; deviation side / 4."""
    offset = np.arange(side, dtype=np.float32) - (side - 1) / 2
    profile = np.exp(-0.5 * (offset / (side / 4)) ** 2)
    return np.outer(profile, profile)


def _baselines(masks: NDArray, scored: NDArray, grid: int, seed: int) -> dict[str, Iterator]:
    side = masks.shape[1]
    gaussian = centred_gaussian(side)
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
