"""Figures of two models on the same test items, and intervals of their differences."""

from typing import NamedTuple

import numpy as np

DRAWS = 2000


class Answers(NamedTuple):
    """What a model says of a test set.

    Attributes:
      labels: int [n], true classes.
      patients: [n]; items of one patient are not independent.
      probabilities: [n, classes], of images normalised as the protocol has it.
      blind: [n, classes], of images normalised without their labels.
      iou: [n] of the predicted class's map with the mask; NaN where there is no mask.
      iou_of_library: the same of maps that both models are given by one implementation.
    """

    labels: np.ndarray
    patients: np.ndarray
    probabilities: np.ndarray
    blind: np.ndarray
    iou: np.ndarray
    iou_of_library: np.ndarray


def of_differences(
    ours: Answers, peer: Answers, *, draws: int = DRAWS, seed: int = 0
) -> dict[str, list[float] | None]:
    """95 % intervals of ours less the peer's: a paired percentile bootstrap of whole patients.

    Args:
      ours, peer: answers to the same items, in the same order.
      draws: bootstrap samples; both models answer the same ones.
      seed: of the random generator.

    Returns:
      [low, high] by figure of `figures`; None where the figure does not exist, or there are fewer
      than two patients.
    """
    names, of_item = np.unique(ours.patients, return_inverse=True)
    count = len(names)
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws)
    times = drawn[:, of_item].astype(np.float64)
    theirs = figures(peer, times)
    intervals: dict[str, list[float] | None] = {}
    for name, values in figures(ours, times).items():
        differences = values - theirs[name]
        known = differences[~np.isnan(differences)]
        exists = count > 1 and len(known)
        bounds = np.quantile(known, (0.025, 0.975)).tolist() if exists else None
        intervals[name] = bounds
    return intervals


def figures(answers: Answers, times: np.ndarray) -> dict[str, np.ndarray]:
    """The figures of samples in which items occur several times or not at all.

    Args:
      answers: to n items.
      times: float [samples, n], how often each sample holds each item.

    Returns:
      By name [samples], as `metrics.classification` and `localization.score` define them; NaN where
      a sample has no such figure.
    """
    labels, _, probabilities, blind, iou, iou_of_library = answers
    predicted = probabilities.argmax(1)
    correct = predicted == labels
    scored = correct & ~np.isnan(iou)
    classes = np.arange(probabilities.shape[1])
    return {
        "accuracy": _mean(correct, times),
        "accuracy_without_label": _mean(blind.argmax(1) == labels, times),
        "auc_mean": _mean_auc(probabilities, labels, times),
        "auc_hard_mean": _mean_auc(predicted[:, None] == classes, labels, times),
        "ll_score": _mean(iou[scored], times[:, scored]),
        "ll_score_of_library": _mean(iou_of_library[scored], times[:, scored]),
    }


def _mean_auc(scores: np.ndarray, labels: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Mean over the classes that a sample has an AUC of."""
    aucs = np.stack([_auc(column, labels == k, times) for k, column in enumerate(scores.T)])
    known = ~np.isnan(aucs)
    with np.errstate(invalid="ignore"):
        return np.where(known, aucs, 0).sum(0) / known.sum(0)


def _auc(scores: np.ndarray, true: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Share of pairs that are in the right order, of equal scores half; NaN without pairs."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order].astype(np.float64), prepend=-np.inf))
    positive, negative = (
        np.add.reduceat(times[:, order] * side[order], starts, axis=1) for side in (true, ~true)
    )
    below = negative.cumsum(1) - negative / 2
    with np.errstate(invalid="ignore"):
        return (positive * below).sum(1) / (positive.sum(1) * negative.sum(1))


def _mean(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return times @ values / times.sum(1)
