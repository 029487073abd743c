"""Two models on the same items."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

from jaxcbis.evaluation import bootstrap


def compare(
    labels: NDArray,
    patients: NDArray,
    one: tuple[NDArray, NDArray],
    two: tuple[NDArray, NDArray],
) -> dict:
    """How two models differ, and whether by more than chance.

    Args:
      labels, patients: [n] of the items.
      one, two: each model's probabilities [n, classes] and IoU [n], NaN where there is no mask.

    Returns:
      {'mcnemar', 'differences'}: of `mcnemar`; and of each of `bootstrap.figures`
      {'difference', 'ci95'}, the first less the second, with the 95 % interval of a paired
      bootstrap over whole patients, None with fewer than two of them.
    """
    whole = np.ones((1, len(labels)))
    times = bootstrap.draw(patients)
    first, second = (bootstrap.figures(labels, *model, whole) for model in (one, two))
    drawn = [] if times is None else [bootstrap.figures(labels, *m, times) for m in (one, two)]
    differences = {}
    for name, value in first.items():
        difference = float(value[0] - second[name][0])
        differences[name] = {
            "difference": None if np.isnan(difference) else difference,
            "ci95": bootstrap.interval_of_difference(drawn[0][name] - drawn[1][name])
            if drawn
            else None,
        }
    correct = [model[0].argmax(1) == labels for model in (one, two)]
    return {"mcnemar": mcnemar(*correct), "differences": differences}


def mcnemar(correct: ArrayLike, other_correct: ArrayLike) -> dict[str, int | float]:
    """McNemar's exact test of whether two models are right equally often (McNemar, 1947).

    It takes items for independent; with several of one patient the p-value is too small, so a
    bootstrap of the difference over patients belongs beside it.

    Args:
      correct, other_correct: [n] bool, whether each model is right on each item.

    Returns:
      {'only_first', 'only_second', 'p'}: items that one model alone is right on, and the two-sided
      p-value.
    """
    first, second = np.asarray(correct, bool), np.asarray(other_correct, bool)
    if first.shape != second.shape:
        raise ValueError(f"expected answers to the same items, got {first.shape}, {second.shape}")
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    differing = only_first + only_second
    p = binomtest(only_first, differing).pvalue if differing else 1.0
    return {"only_first": only_first, "only_second": only_second, "p": float(p)}
