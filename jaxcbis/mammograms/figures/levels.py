"""How well malignant views, breasts and patients are told from the rest.

A breast is scored by the mean of its views, CC and MLO, and a patient by the higher of the breasts;
one is malignant where any of its views is. All figures follow from plain arrays, so that
predictions.csv is enough to make them again.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxcbis.data.mammograms import Views
from jaxcbis.errors import UserError
from jaxcbis.evaluation import bootstrap
from jaxcbis.evaluation.calibration import calibration

VIEW, BREAST, PATIENT = "view", "breast", "patient"
LEVELS = (VIEW, BREAST, PATIENT)
#: Operating points: most of sensitivity and specificity together (Youden, 1950), the most specific
#: one with this sensitivity, and the most sensitive one with this specificity.
YOUDEN, SENSITIVE, SPECIFIC = "youden", "sensitivity_90", "specificity_80"
OPERATING_POINTS = (YOUDEN, SENSITIVE, SPECIFIC)
SENSITIVITY, SPECIFICITY = 0.9, 0.8
#: The split on which the thresholds of operating points are chosen.
CHOSEN_ON = "validation"

#: Thresholds by level and operating point; None where no threshold gets there.
Thresholds = Mapping[str, Mapping[str, float | None]]


class Answers(NamedTuple):
    """What is known and what is said of the views of one split.

    Attributes:
      labels: [n], 1 where the view is malignant.
      patients, sides: str [n].
      probabilities: float [n] of malignancy.
    """

    labels: ArrayLike
    patients: ArrayLike
    sides: ArrayLike
    probabilities: ArrayLike


def answers(views: Views, probabilities: ArrayLike) -> Answers:
    """A model's probabilities [n] of the views of a split."""
    return Answers(views.labels, views.patients, views.sides, probabilities)


class Items(NamedTuple):
    """The views, breasts or patients that one level scores.

    Attributes:
      labels: bool [n].
      probabilities: float64 [n].
      patients: [n].
    """

    labels: NDArray
    probabilities: NDArray
    patients: NDArray


class Curve(NamedTuple):
    """The receiver operating characteristic, from the highest threshold down.

    Attributes:
      thresholds: float64 [k]; an item is positive if its probability is one or more.
      sensitivity, specificity: float64 [k] there.
    """

    thresholds: NDArray
    sensitivity: NDArray
    specificity: NDArray


def by_level(answers: Answers) -> dict[str, Items]:
    """The items of each of `LEVELS`.

    Raises:
      ValueError: the arrays are not of one length.
      UserError: a probability is not finite.
    """
    labels = np.asarray(answers.labels).astype(bool)
    patients, sides = np.asarray(answers.patients, str), np.asarray(answers.sides, str)
    probabilities = np.asarray(answers.probabilities, np.float64)
    lengths = {len(labels), len(patients), len(sides), len(probabilities)}
    if len(lengths) > 1:
        raise ValueError(f"expected as many of each per view, got {sorted(lengths)}")
    if not np.isfinite(probabilities).all():
        raise UserError(
            f"probabilities of {int((~np.isfinite(probabilities)).sum())} of {len(labels)} views "
            "are not finite: the training diverged; lower the learning rates"
        )
    view = Items(labels, probabilities, patients)
    # The side is LEFT or RIGHT, so that no two breasts get one name.
    breasts = np.char.add(np.char.add(sides, " "), patients)
    breast = _grouped(view, breasts, lambda values: values.mean())
    return {
        VIEW: view,
        BREAST: breast,
        PATIENT: _grouped(breast, breast.patients, lambda values: values.max()),
    }


def _grouped(items: Items, groups: NDArray, joined: Callable[[NDArray], float]) -> Items:
    """Items of the same group made one, in the order of the groups' names."""
    names, first, of_item = np.unique(groups, return_index=True, return_inverse=True)
    members = [np.flatnonzero(of_item == k) for k in range(len(names))]
    return Items(
        np.array([items.labels[m].any() for m in members], bool),
        np.array([joined(items.probabilities[m]) for m in members], np.float64),
        items.patients[first],
    )


def averaged(probabilities: ArrayLike) -> NDArray:
    """The mean answer [n] of several members, or of several flips, [members, n]."""
    return np.asarray(probabilities, np.float64).mean(axis=0)


def curve(items: Items) -> Curve | None:
    """Of every probability that occurs; None where all items are of one side."""
    positives = np.count_nonzero(items.labels)
    if not 0 < positives < len(items.labels):
        return None
    thresholds = np.unique(items.probabilities)[::-1]
    reached = items.probabilities >= thresholds[:, None]
    return Curve(
        thresholds,
        reached[:, items.labels].mean(1),
        1 - reached[:, ~items.labels].mean(1),
    )


def thresholds(validation: Answers) -> dict[str, dict[str, float | None]]:
    """The thresholds of the operating points, each level by itself, chosen on this split alone.

    Args:
      validation: answers to the validation split.

    Returns:
      By level and operating point; None where no threshold reaches what the point asks for, and
      where all items are of one side. Of thresholds that are equally good it is the highest.

    Raises:
      ValueError, UserError: as of `by_level`.
    """
    return {level: _points(items) for level, items in by_level(validation).items()}


def _points(items: Items) -> dict[str, float | None]:
    found = curve(items)
    if found is None:
        return dict.fromkeys(OPERATING_POINTS)
    sensitive = np.flatnonzero(found.sensitivity >= SENSITIVITY)
    specific = np.flatnonzero(found.specificity >= SPECIFICITY)
    return {
        YOUDEN: float(found.thresholds[(found.sensitivity + found.specificity).argmax()]),
        SENSITIVE: float(found.thresholds[sensitive[0]]),  # the lowest threshold finds all
        SPECIFIC: float(found.thresholds[specific[-1]]) if len(specific) else None,
    }


def chosen_in(figures: Mapping[str, Mapping]) -> dict[str, dict[str, float | None]]:
    """The thresholds that figures of `score` were made with."""
    return {
        level: {point["name"]: point["threshold"] for point in figures[level]["operating_points"]}
        for level in LEVELS
    }


def score(answers: Answers, chosen: Thresholds) -> dict[str, dict]:
    """The figures of a split, at each level.

    Args:
      answers: to the views of the split.
      chosen: of `thresholds`.

    Returns:
      By level {n, positives, auc, auc_ci95, roc, operating_points, calibration}. roc is
      {false_positive_rate, sensitivity}, from (0, 0) to (1, 1), without points that lie on the line
      between others. operating_points is [{name, chosen_on, threshold, sensitivity,
      sensitivity_ci95, specificity, specificity_ci95}]; an item is positive if its probability is
      the threshold or more. calibration is that of benign and malignant as two classes, see
      `jaxcbis.evaluation.calibration`. Intervals are of 95 % by a bootstrap over whole patients. A
      figure that does not exist is None.

    Raises:
      ValueError, UserError: as of `by_level`.
    """
    return {level: _figures(items, chosen[level]) for level, items in by_level(answers).items()}


def _figures(items: Items, chosen: Mapping[str, float | None]) -> dict:
    times = bootstrap.draw(items.patients)
    auc, interval = bootstrap.auc_with_interval(items.probabilities, items.labels, times)
    both = np.stack([1 - items.probabilities, items.probabilities], axis=1)
    return {
        "n": len(items.labels),
        "positives": int(items.labels.sum()),
        "auc": auc,
        "auc_ci95": interval,
        "roc": _roc(items),
        "operating_points": [
            {"name": name, "chosen_on": CHOSEN_ON, "threshold": chosen[name]}
            | _at(items, chosen[name], times)
            for name in OPERATING_POINTS
        ],
        "calibration": calibration(items.labels.astype(int), both),
    }


def _roc(items: Items) -> dict[str, list[float]] | None:
    found = curve(items)
    if found is None:
        return None
    false = np.concatenate([[0], 1 - found.specificity])
    true = np.concatenate([[0], found.sensitivity])
    # A point is a corner if the steps to it and from it differ in direction. Counts, not shares:
    # these would differ by rounding.
    steps = np.stack(
        [
            np.diff(np.rint(false * np.count_nonzero(~items.labels))),
            np.diff(np.rint(true * np.count_nonzero(items.labels))),
        ]
    )
    corner = steps[0, :-1] * steps[1, 1:] != steps[1, :-1] * steps[0, 1:]
    kept = np.concatenate([[True], corner, [True]])
    return {"false_positive_rate": false[kept].tolist(), "sensitivity": true[kept].tolist()}


def _at(items: Items, threshold: float | None, times: NDArray | None) -> dict:
    """Sensitivity and specificity at a threshold, with their intervals."""
    figures: dict = {}
    for name, members, wanted in (
        ("sensitivity", items.labels, True),
        ("specificity", ~items.labels, False),
    ):
        figures |= {name: None, f"{name}_ci95": None}
        if threshold is None or not members.any():
            continue
        right = (items.probabilities[members] >= threshold) == wanted
        figures[name] = float(right.mean())
        figures[f"{name}_ci95"] = share_interval(right, times, members)
    return figures


def share_interval(values: NDArray, times: NDArray | None, members: NDArray) -> list[float] | None:
    """Interval of the mean of some items' shares, see `bootstrap.interval_of_share`.

    Args:
      values: [k] of the items.
      times: of `bootstrap.draw` for all items; None gives None.
      members: which of all items they are.
    """
    if times is None or not len(values):
        return None
    drawn = times[:, members]
    return bootstrap.interval_of_share(bootstrap.mean(values, drawn), drawn)


def of_members(
    test: Answers, validation: Answers, members: tuple[ArrayLike, ArrayLike]
) -> tuple[dict, list[dict]]:
    """The figures of the mean of several members, and of each one alone, all by `score`.

    With and without flips it is the same call with other probabilities.

    Args:
      test, validation: the splits; their probabilities do not count.
      members: probabilities of the test and of the validation split, [members, n] each.

    Returns:
      Figures of the mean, and of every member. Each has thresholds of its own, from what it says of
      the validation split.
    """
    of_test, of_validation = (np.asarray(values, np.float64) for values in members)

    def alone(of_test: NDArray, of_validation: NDArray) -> dict:
        chosen = thresholds(validation._replace(probabilities=of_validation))
        return score(test._replace(probabilities=of_test), chosen)

    return (
        alone(averaged(of_test), averaged(of_validation)),
        [alone(one, other) for one, other in zip(of_test, of_validation, strict=True)],
    )
