"""How well class activation maps meet the radiologists' masks, beside maps made without a model.

A map is enlarged to the masks' size, thresholded at a share of its own maximum (>=) and scored by
intersection over union (IoU), see `overlap`. Scored are the correctly classified lesion samples
with a mask: background has none, and a lesion whose mask is empty is left out, as if it were not
there. The `localization` object of results.json holds:

- threshold: the share of the maximum; grid: side of the maps.
- n_scored: how many samples are scored; with none, every mean is None. n_without_mask: how many
  lesions are left out, classified correctly or not.
- ll_score: mean IoU (lesion localisation score); ll_score_ci95: its interval, see `bootstrap`.
- ll_score_background_as_zero: the same, correctly classified background counted as 0.
- accuracy_x_ll: accuracy over all samples, lesion or not, times ll_score.
- per_class: {label: {n, ll_score}}.
- by_threshold: {"0.05" .. "0.95": ll_score at that threshold}.
- threshold_from_validation: the one of these that `best_threshold` found on the validation split;
  ll_score_from_validation: ll_score there, ll_score_from_validation_ci95 its interval.
- otsu, pointing_game, energy_in_mask, pixel_ap: means of `overlap`'s figures (pixel_ap: its pixels'
  average precision); the latter three have intervals, NAME_ci95.
- zero_maps: how many scored maps are zero everywhere.
- samples: figures of other choices of samples and maps: 'correct' as above, 'all' every lesion with
  the map of the class predicted for it, and 'all_true_class' with that of its true class; of each
  {'lesions', 'mass', 'calcification', and every lesion class}: {n, iou, otsu, pointing_game,
  energy_in_mask, pixel_average_precision}, means over their lesions.
- baselines: ll_score of maps made without a model, see `baselines.of`, on the same samples at the
  same threshold; baseline_figures: 'samples' of them, of every lesion.
- against_baselines: {'all_ones', 'centred_gaussian', 'mean_training_mask', 'blurred_brightness'}:
  {difference, ci95, verdict, pointing_game: {difference, ci95, verdict}}: by how much ll_score and
  pointing_game are above theirs, with the interval of a paired bootstrap over whole patients, and
  what that says of the run's maps: 'better', 'worse' or 'within noise'.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxcbis.data.patches import Patches
from jaxcbis.errors import UserError
from jaxcbis.evaluation import baselines, bootstrap, cam, overlap
from jaxcbis.labels import BACKGROUND, LABELS, SUFFIXES

#: What the run's maps are held against, sample by sample.
AGAINST = (
    baselines.ALL_ONES,
    baselines.CENTRED_GAUSSIAN,
    baselines.MEAN_TRAINING_MASK,
    baselines.BLURRED_BRIGHTNESS,
)


class Prior(NamedTuple):
    """What the other splits tell before the test set is looked at.

    Attributes:
      mean_mask: of the train lesions, see `baselines.mean_mask`; None leaves that baseline out.
      threshold: of `best_threshold`; None leaves its figures None.
    """

    mean_mask: NDArray | None = None
    threshold: float | None = None


def best_threshold(validation: Patches, predicted: ArrayLike, maps: ArrayLike) -> float | None:
    """The share of a map's maximum at which validation maps meet their masks best.

    Args:
      validation, predicted, maps: as `score`'s of the test set.

    Returns:
      The one of `overlap.THRESHOLDS` with the highest mean IoU over the correctly classified
      lesions with a mask, of equals the lowest; None without such a lesion.

    Raises:
      UserError: a map of a lesion sample is not finite.
    """
    right = validation.labels == np.asarray(predicted)
    items = np.flatnonzero(right & with_mask(validation))
    if not len(items):
        return None
    heats = _enlarged(_checked(maps, validation), items, validation)
    return overlap.THRESHOLDS[_sweep(heats, validation.masks[items]).mean(0).argmax()]


_NOTHING = Prior()


# Eight parameters: five for what is scored and, by name, three for how.
def score(
    test: Patches,
    predicted: ArrayLike,
    maps: ArrayLike,
    true_maps: ArrayLike | None = None,
    prior: Prior = _NOTHING,
    *,
    threshold: float = 0.5,
    seed: int = 0,
    grid: int | None = None,
) -> tuple[dict, NDArray]:
    """Scores maps of the predicted class against lesion masks.

    Args:
      test: patches, of which the masks, labels and patients count.
      predicted: [n] predicted class indices.
      maps: [n, g, g] float32 maps of the predicted class, at least 0.
      true_maps: [n, g, g] maps of the true class; without them 'all_true_class' is None.
      prior: what the other splits tell.
      threshold: share of the maximum, above 0 and at most 1.
      seed: of the random baseline.
      grid: side that the maps had before they were enlarged, if they were; `g` if None.

    Returns:
      The `localization` object of results.json, and [n] the IoU of every lesion sample with a mask,
      classified correctly or not (NaN for all others).

    Raises:
      UserError: a map of a lesion sample is not finite.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"expected a threshold in (0, 1], got {threshold}")
    maps, labels = _checked(maps, test), test.labels
    grid = grid or maps.shape[1]
    correct = labels == np.asarray(predicted)
    masked = with_mask(test)
    lesions = np.flatnonzero(masked)
    scored = correct[lesions]
    items, masks = lesions[scored], test.masks[lesions]
    found = _figures(_enlarged(maps, lesions, test), masks, threshold)
    of_scored = {name: values[scored] for name, values in found.items()}
    blind = {
        name: _figures(heats, masks, threshold)
        for name, heats in baselines.of(test, lesions, grid, seed, prior.mean_mask).items()
    }
    of_true_class = None
    if true_maps is not None:
        each = _enlarged(_checked(true_maps, test), lesions, test)
        of_true_class = _by_type(_figures(each, masks, threshold), labels[lesions])
    drawn = bootstrap.draw(test.patients)
    times = None if drawn is None else drawn[:, items]
    swept = _sweep(_enlarged(maps, items, test), masks[scored])
    result = {
        "threshold": threshold,
        "n_scored": len(items),
        "n_without_mask": int(((labels != BACKGROUND) & ~masked).sum()),
        **_headline(of_scored, correct, (correct & (labels == BACKGROUND)).sum(), times),
        "per_class": _per_class(of_scored["iou"], labels[items]),
        "by_threshold": _by_threshold(swept),
        **_at_chosen(swept, prior.threshold, times),
        "zero_maps": sum(not maps[i].any() for i in items),
        "samples": {
            "correct": _by_type(of_scored, labels[items]),
            "all": _by_type(found, labels[lesions]),
            "all_true_class": of_true_class,
        },
        **_beside(blind, of_scored, scored, labels[lesions], times),
        "grid": grid,
    }
    return result, _of_lesions(found["iou"], test)


def with_mask(patches: Patches) -> NDArray[np.bool_]:
    """Which patches are lesions whose mask is not empty, bool [n]."""
    return (patches.labels != BACKGROUND) & patches.masks.any((1, 2))


def iou(test: Patches, maps: ArrayLike, threshold: float) -> NDArray:
    """IoU of every lesion's map with its mask; arguments as of `score`.

    Returns:
      float64 [n], NaN for what is no lesion with a mask.

    Raises:
      UserError: a map of a lesion sample is not finite.
    """
    lesions = np.flatnonzero(with_mask(test))
    heats = _enlarged(_checked(maps, test), lesions, test)
    pairs = zip(heats, test.masks[lesions], strict=True)
    return _of_lesions([overlap.iou(heat, mask, threshold) for heat, mask in pairs], test)


def pointing(test: Patches, maps: ArrayLike) -> NDArray:
    """`overlap.pointing_game` of every lesion's map; arguments, returns and raises as of `iou`."""
    lesions = np.flatnonzero(with_mask(test))
    heats = _enlarged(_checked(maps, test), lesions, test)
    pairs = zip(heats, test.masks[lesions], strict=True)
    return _of_lesions([overlap.pointing_game(heat, mask) for heat, mask in pairs], test)


def _checked(maps: ArrayLike, test: Patches) -> NDArray:
    maps = np.asarray(maps, np.float32)
    if maps.ndim != 3 or maps.shape[1] != maps.shape[2] or len(maps) != len(test):
        raise ValueError(f"expected maps [{len(test)}, g, g], got {maps.shape}")
    return maps


def _enlarged(maps: NDArray, items: NDArray, test: Patches) -> Iterator[NDArray]:
    """The maps of some samples at the masks' size, one by one."""
    for i in items:
        if not np.isfinite(maps[i]).all():
            raise UserError(
                f"the class activation map of {test.ids[i]} is not finite: the training diverged; "
                "lower the learning rates"
            )
        yield cam.enlarge(maps[i : i + 1], test.masks.shape[1])[0]


def _figures(heats: Iterable[NDArray], masks: NDArray, threshold: float) -> dict[str, NDArray]:
    """IoU and the other figures of maps and their masks, by name, each [k]."""
    rows = [
        (overlap.iou(heat, mask, threshold), *(of(heat, mask) for of in overlap.FIGURES.values()))
        for heat, mask in zip(heats, masks, strict=True)
    ]
    table = np.array(rows, np.float64).reshape(-1, 1 + len(overlap.FIGURES))
    return dict(zip(("iou", *overlap.FIGURES), table.T, strict=True))


def _headline(
    scored: dict[str, NDArray], correct: NDArray, background: int, times: NDArray | None
) -> dict:
    """Means over the scored samples.

    Args:
      scored: figures of them.
      correct: bool [n] of all samples.
      background: how many of the correct ones are background.
      times: of `bootstrap.draw`, for the scored ones.
    """
    ious = scored["iou"]
    ll = _mean(ious)
    return {
        **_figure("ll_score", ious, times),
        "ll_score_background_as_zero": None
        if ll is None
        else float(ious.sum() / (len(ious) + background)),
        "accuracy_x_ll": None if ll is None else float(correct.mean()) * ll,
        "otsu": _mean(scored["otsu"]),
        **_figure("pointing_game", scored["pointing_game"], times),
        **_figure("energy_in_mask", scored["energy_in_mask"], times),
        **_figure("pixel_ap", scored["pixel_average_precision"], times),
    }


def _figure(name: str, values: NDArray, times: NDArray | None) -> dict:
    """A mean of what lies from 0 to 1."""
    interval = None
    if times is not None:
        interval = bootstrap.interval_of_share(bootstrap.mean(values, times), times)
    return {name: _mean(values), f"{name}_ci95": interval}


def _sweep(heats: Iterable[NDArray], masks: NDArray) -> NDArray:
    """IoU [k, thresholds] of maps and their masks."""
    rows = [overlap.by_threshold(heat, mask) for heat, mask in zip(heats, masks, strict=True)]
    return np.array(rows, np.float64).reshape(-1, len(overlap.THRESHOLDS))


def _by_threshold(swept: NDArray) -> dict[str, float | None]:
    return {
        f"{share:.2f}": _mean(of) for share, of in zip(overlap.THRESHOLDS, swept.T, strict=True)
    }


def _at_chosen(swept: NDArray, threshold: float | None, times: NDArray | None) -> dict:
    name = "ll_score_from_validation"
    figure = {name: None, f"{name}_ci95": None}
    if threshold is not None:
        figure = _figure(name, swept[:, overlap.THRESHOLDS.index(threshold)], times)
    return {"threshold_from_validation": threshold} | figure


def _per_class(ious: NDArray, labels: NDArray) -> dict[str, dict]:
    members = {name: labels == k for k, name in enumerate(LABELS)}
    return {
        name: {"n": int(of_class.sum()), "ll_score": _mean(ious[of_class])}
        for name, of_class in members.items()
    }


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


def _beside(
    blind: dict[str, dict[str, NDArray]],
    found: dict[str, NDArray],
    scored: NDArray,
    labels: NDArray,
    times: NDArray | None,
) -> dict:
    """What maps made without a model reach, and whether the run's maps differ beyond noise.

    Args:
      blind: by name, figures [k] of every lesion.
      found: figures of the run's maps of the scored ones.
      scored: bool [k].
      labels: [k].
      times: of `bootstrap.draw`, for the scored ones.
    """

    def gain(figure: str, of: dict[str, NDArray]) -> dict:
        gains = found[figure] - of[figure][scored]
        interval = None
        if times is not None:
            interval = bootstrap.interval_of_difference(bootstrap.mean(gains, times))
        verdict = bootstrap.verdict(interval)
        return {"difference": _mean(gains), "ci95": interval, "verdict": verdict}

    against = {
        name: gain("iou", of) | {"pointing_game": gain("pointing_game", of)}
        for name, of in blind.items()
        if name in AGAINST
    }
    return {
        "baselines": {name: _mean(of["iou"][scored]) for name, of in blind.items()},
        "baseline_figures": {name: _by_type(of, labels) for name, of in blind.items()},
        "against_baselines": against,
    }


def _of_lesions(values: ArrayLike, test: Patches) -> NDArray:
    """Values of the lesions with a mask, among all samples; NaN for the others."""
    every = np.full(len(test), np.nan)
    every[with_mask(test)] = values
    return every


def _mean(values: ArrayLike) -> float | None:
    values = np.asarray(values, dtype=np.float64)
    return float(values.mean()) if values.size else None
