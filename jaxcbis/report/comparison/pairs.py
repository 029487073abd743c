"""Paired differences of runs: each figure on the patches that two runs have in common."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jaxcbis.evaluation import comparison
from jaxcbis.records.predictions import Predictions
from jaxcbis.report import noise
from jaxcbis.report.page import patches
from jaxcbis.report.page.patches import Tested

#: With more runs than this, each is held against the first one alone, and a page has no room for
#: all figures of each.
ALL_PAIRS = 4
#: The figures that are compared, and what they are called.
FIGURES = {
    "accuracy": "accuracy", "auc_mean": "AUC", "malignancy_auc": "malignancy AUC",
    "ll_score": "LL score", "pointing_game": "pointing game",
}  # fmt: skip


class Pair(NamedTuple):
    """Two runs on the same test patches.

    Attributes:
      base, other: the runs, counted from 0.
      patches, patients: how many they have in common; differences are None without any.
      values: of each figure the base's and the other's value on these patches.
      differences: of each figure {'difference', 'ci95'}, the other less the base.
      mcnemar: of `comparison.mcnemar`; `only_first` counts what the other alone gets right.
      why: the two are not paired, see `patches.why_not`; '' where they are.
    """

    base: int
    other: int
    patches: int
    patients: int
    values: dict[str, tuple[float | None, float | None]]
    differences: dict[str, dict] | None
    mcnemar: dict | None
    why: str


def of(runs: Sequence[Tested], *, every: bool) -> list[Pair]:
    """Every two runs, or all others against the first.

    Args:
      runs: in the order of the page.
      every: whether every two.
    """
    count = range(len(runs))
    chosen = itertools.combinations(count, 2) if every else ((0, k) for k in count[1:])
    return [_pair(runs, base, other) for base, other in chosen]


def beyond(pair: Pair, figure: str) -> bool:
    """Whether two runs differ in a figure by more than noise."""
    if not known(pair, figure):
        return False
    assert pair.differences is not None
    return noise.of_difference(pair.differences[figure]["ci95"]) == noise.BEYOND


def known(pair: Pair, figure: str) -> bool:
    """Whether two runs have a difference in a figure."""
    of = (pair.differences or {}).get(figure)
    return of is not None and of["difference"] is not None


def figures(pairs: Sequence[Pair], *, with_labels: bool) -> dict[str, str]:
    """The figures that some pair has a difference in, and what they are called.

    Args:
      pairs: of `of`.
      with_labels: whether the runs' test patches were normalised by their true classes.
    """
    found = {name: label for name, label in FIGURES.items() if any(known(p, name) for p in pairs)}
    if with_labels:
        found["accuracy"] = "accuracy with label normalisation"
    return found


def _pair(runs: Sequence[Tested], base: int, other: int) -> Pair:
    one, two = runs[base], runs[other]
    if why := patches.why_not(one, two):
        return Pair(base, other, 0, 0, {}, None, None, why)
    names = patches.common(one, two)
    first, second = (patches.answers_to(of, names) for of in (one, two))
    both = first.pointing is not None and second.pointing is not None
    models = [_model(of, pointing=both) for of in (first, second)]
    found = comparison.compare(first.labels, first.patients, models[1], models[0])
    whole = np.ones((1, len(names)))
    drawn = [comparison.figures(first.labels, model, whole) for model in models]
    values = {
        name: (_known(drawn[0][name]), _known(drawn[1][name]))
        for name in FIGURES
        if name in drawn[0]
    }
    patients = len(np.unique(first.patients))
    return Pair(
        base, other, len(names), patients, values, found["differences"], found["mcnemar"], ""
    )


def _model(of: Predictions, *, pointing: bool) -> tuple[NDArray, ...]:
    """What `comparison` takes of a run."""
    if not pointing:
        return of.probabilities, of.iou
    assert of.pointing is not None
    return of.probabilities, of.iou, of.pointing


def _known(drawn: np.ndarray) -> float | None:
    return None if np.isnan(drawn[0]) else float(drawn[0])
