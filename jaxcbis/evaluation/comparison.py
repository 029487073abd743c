"""Two models on the same items."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

from jaxcbis.evaluation import bootstrap
from jaxcbis.labels import BACKGROUND


def compare(
    labels: NDArray,
    patients: NDArray,
    one: tuple[NDArray, ...],
    two: tuple[NDArray, ...],
) -> dict:
    """How two models differ, and whether by more than chance.

    Args:
      labels, patients: [n] of the items.
      one, two: each model's probabilities [n, classes] and IoU [n], NaN where there is no mask;
        and, if it is known of both, how much of each map's maximum lies in the mask [n].

    Returns:
      {'mcnemar', 'differences'}: of `mcnemar`; and of each of `figures`
      {'difference', 'ci95'}, the first less the second, with the 95 % interval of a paired
      bootstrap over whole patients, None with fewer than two of them.
    """
    whole = np.ones((1, len(labels)))
    times = bootstrap.draw(patients)
    first, second = (figures(labels, model, whole) for model in (one, two))
    drawn = [] if times is None else [figures(labels, model, times) for model in (one, two)]
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


def figures(labels: NDArray, model: tuple[NDArray, ...], times: NDArray) -> dict[str, NDArray]:
    """`bootstrap.figures`, and besides 'malignancy_auc' and, if known, 'pointing_game' [samples].

    Args:
      labels: [n].
      model: of `compare`.
      times: of `bootstrap.draw`.
    """
    from jaxcbis.evaluation import metrics  # here: scikit-learn takes seconds to import

    probabilities, iou, *pointing = model
    lesion = labels != BACKGROUND
    found = bootstrap.figures(labels, probabilities, iou, times)
    found["malignancy_auc"] = bootstrap.auc(
        metrics.malignancy(probabilities[lesion]),
        metrics.MALIGNANT[labels[lesion]],
        times[:, lesion],
    )
    right = probabilities.argmax(1) == labels
    for values in pointing:
        found["pointing_game"] = bootstrap.mean(values[right], times[:, right])
    return found


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
