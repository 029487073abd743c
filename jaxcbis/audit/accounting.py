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


def select(cause: str, answers: Answers, index: NDArray) -> Answers:
    """The answers at a bool mask [n]."""
    _, labels, patients, probabilities, iou, all_lesions = answers
    return Answers(
        cause, labels[index], patients[index], probabilities[index], iou[index], all_lesions
    )


def join(cause: str, one: Answers, two: Answers) -> Answers:
    """The answers of both, as one set."""
    return Answers(
        cause,
        np.concatenate([one.labels, two.labels]),
        np.concatenate([one.patients, two.patients]),
        np.concatenate([one.probabilities, two.probabilities]),
        np.concatenate([one.iou, two.iou]),
        one.all_lesions,
    )


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
    ends = np.cumsum([len(step.labels) for step in steps])
    parts = [None] * len(steps) if times is None else np.split(times, ends[:-1], axis=1)
    rows: list[dict] = []
    drawn: list[dict] = []
    for step, part in zip(steps, parts, strict=True):
        whole = _figures(step, np.ones((1, len(step.labels))))
        values = {name: _number(value[0]) for name, value in whole.items()}
        samples: dict = {} if part is None else _figures(step, part)
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
                    "ci95": bootstrap.interval_of_difference(samples[name] - drawn[-1][name])
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
