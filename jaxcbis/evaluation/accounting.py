"""What each cause is worth: figures of one model as its questions change, one cause at a time."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jaxcbis.evaluation import bootstrap

FIGURES = ("accuracy", "auc_mean", "ll_score")


class Answers(NamedTuple):
    """Answers to one set of test patches.

    Attributes:
      cause: that changed since the answers before.
      labels, patients: [n].
      probabilities: [n, classes].
      iou: [n] of a map with the mask; NaN where there is no mask.
      all_lesions: whether the LL score is over all lesions, not only those classified correctly.
    """

    cause: str
    labels: NDArray
    patients: NDArray
    probabilities: NDArray
    iou: NDArray
    all_lesions: bool


def account(steps: Sequence[Answers]) -> list[dict]:
    """Figures of every step, and their change since the step before.

    Args:
      steps: at least one.

    Returns:
      Of each {'cause', 'n'}, and of every one of FIGURES its value, its 95 % interval ('.._ci95')
      and, from the second step on, 'changes': {figure: {'difference', 'ci95'}}. All intervals are
      of the same bootstrap samples of whole patients, so that a difference between steps is
      uncertain only as far as their patches differ. None where a figure does not exist.
    """
    times = bootstrap.draw(np.concatenate([step.patients for step in steps]))
    parts = [None] * len(steps)
    if times is not None:
        parts = np.split(times, np.cumsum([len(step.labels) for step in steps])[:-1], axis=1)
    rows: list[dict] = []
    drawn: list[dict] = []
    for step, part in zip(steps, parts, strict=True):
        values = {
            k: _number(v[0]) for k, v in _figures(step, np.ones((1, len(step.labels)))).items()
        }
        samples = {} if part is None else _figures(step, part)
        row: dict = {"cause": step.cause, "n": len(step.labels)}
        for name in FIGURES:
            interval = bootstrap.interval(samples[name]) if samples else None
            row |= {name: values[name], f"{name}_ci95": interval}
        if rows:
            before = rows[-1]
            row["changes"] = {
                name: {
                    "difference": None
                    if values[name] is None or before[name] is None
                    else values[name] - before[name],
                    "ci95": bootstrap.interval(samples[name] - drawn[-1][name])
                    if samples
                    else None,
                }
                for name in FIGURES
            }
        rows.append(row)
        drawn.append(samples)
    return rows


def _figures(step: Answers, times: NDArray) -> dict[str, NDArray]:
    found = bootstrap.figures(step.labels, step.probabilities, step.iou, times)
    if step.all_lesions:
        lesions = ~np.isnan(step.iou)
        found["ll_score"] = bootstrap.mean(step.iou[lesions], times[:, lesions])
    return found


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
