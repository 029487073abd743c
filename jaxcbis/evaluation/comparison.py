"""Two models on the same items."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest


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
