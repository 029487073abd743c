"""Figures of two models on the same test items, and intervals of their differences."""

from typing import NamedTuple

import numpy as np

from jaxcbis.evaluation import bootstrap
from jaxcbis.evaluation.bootstrap import DRAWS


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
    ours: Answers, peer: Answers, *, draws: int = DRAWS
) -> dict[str, list[float] | None]:
    """95 % intervals of ours less the peer's: a paired percentile bootstrap of whole patients.

    Args:
      ours, peer: answers to the same items, in the same order.
      draws: bootstrap samples; both models answer the same ones.

    Returns:
      [low, high] by figure of `figures`; None where the figure does not exist, or there are fewer
      than two patients.
    """
    times = bootstrap.draw(ours.patients, draws=draws)
    if times is None:
        return dict.fromkeys(figures(ours, np.ones((1, len(ours.labels)))))
    theirs = figures(peer, times)
    return {
        name: bootstrap.interval_of_difference(values - theirs[name])
        for name, values in figures(ours, times).items()
    }


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
    found = bootstrap.figures(labels, probabilities, iou, times)
    of_library = bootstrap.figures(labels, probabilities, iou_of_library, times)
    return {
        "accuracy": found.pop("accuracy"),
        "accuracy_without_label": bootstrap.mean(blind.argmax(1) == labels, times),
        **found,
        "ll_score_of_library": of_library["ll_score"],
    }
