"""Intervals by resampling whole patients: items of one patient are not independent."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS = 2000
#: Figures that are the same may differ by rounding, as sums over samples do.
NO_WIDTH = 1e-9

#: What the interval of a difference says of the first of two.
BETTER, WORSE, WITHIN_NOISE = "better", "worse", "within noise"


def draw(patients: ArrayLike, *, draws: int = DRAWS, seed: int = 0) -> NDArray | None:
    """Draws as many patients as there are, with replacement, again and again.

    Args:
      patients: [n] patient of each item.
      draws: samples.
      seed: of the random generator; the same patients and seed give the same samples.

    Returns:
      float64 [draws, n], how often each sample holds each item; None with fewer than two patients,
      where nothing can be resampled.
    """
    names, of_item = np.unique(np.asarray(patients), return_inverse=True)
    count = len(names)
    if count < 2:
        return None
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws)
    return drawn[:, of_item].astype(np.float64)


def interval(values: ArrayLike) -> list[float] | None:
    """95 % percentile interval of a figure over samples; NaN where a sample has no such figure.

    Returns:
      [low, high]; None where no sample has the figure, and where it is the same in all that the
      interval spans: these tell nothing of how sure it is, and an interval without width would say
      that it is certain.
    """
    found = _ends(values)
    return None if found is None or found[1] - found[0] < NO_WIDTH else found


def interval_of_share(samples: ArrayLike, times: NDArray) -> list[float] | None:
    """`interval` of a figure from 0 to 1: a share of hits, or a mean of IoUs.

    Where it is 0 or 1 in all samples, these tell nothing of how sure that is. Then it is the exact
    interval of Clopper and Pearson (1934) for none or all of as many trials as there are patients,
    since items of one patient may all go alike.

    Args:
      samples: [samples], of `times`.
      times: of `draw`, for the items that the figure is of.

    Returns:
      As of `interval`.
    """
    found = _ends(samples)
    if found not in ([0, 0], [1, 1]):
        return interval(samples)
    patients = len(np.unique(times, axis=1).T)  # items of one occur equally often
    away = 1 - 0.025 ** (1 / patients)
    return [0.0, away] if found == [0, 0] else [1 - away, 1.0]


def interval_of_difference(samples: ArrayLike) -> list[float] | None:
    """`interval` of how much more the first of two reaches.

    Two that reach the same in every sample do not differ: then it is [0, 0].
    """
    ends = _ends(samples)
    if ends is not None and max(map(abs, ends)) < NO_WIDTH:
        return ends
    return interval(samples)


def _ends(values: ArrayLike) -> list[float] | None:
    """2.5 and 97.5 % quantiles of what is not NaN."""
    values = np.asarray(values, dtype=np.float64)
    known = values[~np.isnan(values)]
    return np.quantile(known, (0.025, 0.975)).tolist() if len(known) else None


def verdict(difference: list[float] | None) -> str | None:
    """Whether the first of two is better, by the 95 % interval of how much more it reaches.

    Returns:
      BETTER, WORSE or WITHIN_NOISE; None where there is no interval.
    """
    if difference is None:
        return None
    low, high = difference
    return BETTER if low > 0 else WORSE if high < 0 else WITHIN_NOISE


def figures(
    labels: NDArray, probabilities: NDArray, iou: NDArray, times: NDArray
) -> dict[str, NDArray]:
    """The figures of samples in which items occur several times or not at all.

    Args:
      labels: int [n], true classes.
      probabilities: [n, classes].
      iou: [n] of the predicted class's map with the mask; NaN where there is no mask.
      times: float [samples, n], how often each sample holds each item.

    Returns:
      By name [samples], as `metrics.classification` and `localization.score` define them; NaN where
      a sample has no such figure.
    """
    predicted = probabilities.argmax(1)
    correct = predicted == labels
    scored = correct & ~np.isnan(iou)
    hard = predicted[:, None] == np.arange(probabilities.shape[1])
    return {
        "accuracy": mean(correct, times),
        "auc_mean": mean_auc(probabilities, labels, times),
        "auc_hard_mean": mean_auc(hard, labels, times),
        "ll_score": mean(iou[scored], times[:, scored]),
    }


def mean(values: ArrayLike, times: NDArray) -> NDArray:
    """Means [samples] of values [n] that occur `times` [samples, n]; NaN where none occurs.

    A value of NaN is left out.
    """
    values = np.asarray(values, np.float64)
    known = ~np.isnan(values)
    if not known.all():
        values, times = values[known], times[:, known]
    with np.errstate(invalid="ignore"):
        return times @ values / times.sum(1)


def mean_auc(scores: NDArray, labels: NDArray, times: NDArray) -> NDArray:
    """One-vs-rest areas under the ROC curve, averaged over the classes that a sample has one of.

    Args:
      scores: [n, classes].
      labels: [n] true class indices.
      times: [samples, n].

    Returns:
      [samples]; NaN where a sample is of one class.
    """
    aucs = np.stack([auc(column, labels == k, times) for k, column in enumerate(scores.T)])
    known = ~np.isnan(aucs)
    with np.errstate(invalid="ignore"):
        return np.where(known, aucs, 0).sum(0) / known.sum(0)


def auc(scores: NDArray, true: NDArray, times: NDArray) -> NDArray:
    """Share of pairs in the right order [samples], of equal scores half; NaN without pairs."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order].astype(np.float64), prepend=-np.inf))
    positive, negative = (
        np.add.reduceat(times[:, order] * side[order], starts, axis=1) for side in (true, ~true)
    )
    below = negative.cumsum(1) - negative / 2
    with np.errstate(invalid="ignore"):
        return (positive * below).sum(1) / (positive.sum(1) * negative.sum(1))


def auc_with_interval(
    scores: NDArray, true: NDArray, times: NDArray | None
) -> tuple[float | None, list[float] | None]:
    """An area under the ROC curve and its 95 % interval.

    Args:
      scores: [n], higher where it is rather true.
      true: bool [n].
      times: of `draw`, for these items; without them there is no interval.

    Returns:
      None for what does not exist: both where all items are of one side.
    """
    if not 0 < np.count_nonzero(true) < len(true):
        return None, None
    value = auc(scores, true, np.ones((1, len(true))))[0]
    return float(value), None if times is None else interval(auc(scores, true, times))
