"""Which differences between figures are within noise, those that the paper prints included."""

import math

import numpy as np

from jaxcbis.report import paper

WITHIN, BEYOND = "within", "beyond"

_DRAWS = 2000


def of_paper(row: paper.Row) -> dict[str, list[float]]:
    """95 % intervals of what the paper prints of a model, by its test set's size alone.

    Drawn from the printed confusion matrix: of every true class as many patches as the paper
    tested. Patches of one patient are not independent, and the paper does not say whose they are,
    so the true intervals are wider. Its LL score has none: the paper prints no spread.

    Args:
      row: of `paper.ROWS`.

    Returns:
      {'accuracy', 'auc_hard_mean'}: [low, high], about the printed values.
    """
    rng = np.random.default_rng(0)
    support = np.array(list(paper.SUPPORT.values()))
    counts = np.stack(
        [
            rng.multinomial(n, np.array(shares) / sum(shares), size=_DRAWS)
            for n, shares in zip(support, row.confusion, strict=True)
        ],
        axis=1,
    )  # [draws, true, predicted]
    right = np.einsum("dkk->dk", counts)
    wrongly = counts.sum(1) - right  # of other classes, predicted as this one
    total = support.sum()
    aucs = (right / support + 1 - wrongly / (total - support)) / 2
    drawn = {
        "accuracy": (right.sum(1) / total, row.accuracy),
        "auc_hard_mean": (aucs.mean(1), row.auc_mean),
    }
    return {
        name: (np.quantile(values - values.mean(), (0.025, 0.975)) + printed).tolist()
        for name, (values, printed) in drawn.items()
    }


def verdict(
    one: float | None,
    of_one: list[float] | None,
    two: float | None,
    of_two: list[float] | None,
) -> str:
    """Whether two figures of different test sets differ by more than their noise, at 95 %.

    Args:
      one, two: figures.
      of_one, of_two: their 95 % intervals.

    Returns:
      WITHIN, BEYOND, or '' where one is not known.
    """
    if one is None or two is None or of_one is None or of_two is None:
        return ""
    width, other = ((high - low) / 2 for low, high in (of_one, of_two))
    return WITHIN if abs(one - two) <= math.hypot(width, other) else BEYOND


def of_difference(interval: list[float] | None) -> str:
    """The same for the 95 % interval of a difference on the same test set."""
    if interval is None:
        return ""
    low, high = interval
    return WITHIN if low <= 0 <= high else BEYOND
