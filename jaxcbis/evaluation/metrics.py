"""Classification figures of one test set."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, roc_auc_score

from jaxcbis.errors import UserError
from jaxcbis.evaluation import bootstrap
from jaxcbis.evaluation.calibration import calibration
from jaxcbis.labels import BACKGROUND, LABELS

#: Which classes are malignant lesions.
MALIGNANT = np.array([label.startswith("MALIGNANT") for label in LABELS])


def classification(labels: ArrayLike, probabilities: ArrayLike, patients: ArrayLike) -> dict:
    """Scores predictions against true classes.

    The predicted class is the most probable one. A figure that does not exist is None: every figure
    of a class without samples, the precision of a class that is never predicted, an AUC where all
    samples are of one class. Means run over the classes that have the figure.

    Args:
      labels: [n] true class indices into `LABELS`.
      probabilities: [n, classes] one probability per class.
      patients: [n] patient of each item; items of one patient are not independent.

    Returns:
      The `test` object of results.json: n, accuracy, macro_f1, weighted_f1, per_class, auc_mean,
      auc_hard_mean, confusion (counts, row = true class), calibration (see `calibration`), and the
      95 % intervals accuracy_ci95, auc_mean_ci95 and auc_hard_mean_ci95 (see `bootstrap`). `auc` is
      one-vs-rest from probabilities; `auc_hard` that of the 0/1 predictions, (TPR + TNR) / 2, as in
      the paper. A class's `ci95` holds the intervals of its precision, recall, f1 and auc. Two
      questions that the classes answer together have an AUC with its interval: lesion_auc, lesions
      of any class against background by 1 - p(background), and malignancy_auc, malignant against
      benign among the lesions by p(malignant) / (p(malignant) + p(benign)).

    Raises:
      UserError: a probability is not finite.
    """
    labels = np.asarray(labels, dtype=np.int64)
    probabilities = np.asarray(probabilities, dtype=np.float64).reshape(-1, len(LABELS))
    patients = np.asarray(patients)
    if not len(labels) == len(probabilities) == len(patients):
        raise ValueError(
            "expected one label, probability row and patient per item, "
            f"got {len(labels)}, {len(probabilities)} and {len(patients)}"
        )
    if not np.isfinite(probabilities).all():
        raise UserError(
            f"probabilities of {int((~np.isfinite(probabilities)).any(1).sum())} of {len(labels)} "
            "test items are not finite: the training diverged; lower the learning rates"
        )
    predicted = probabilities.argmax(axis=1)
    times = bootstrap.draw(patients)
    per_class = _per_class(labels, predicted, probabilities, times)
    present = [figures for figures in per_class.values() if figures["support"]]
    correct = labels == predicted
    return {
        "n": len(labels),
        "accuracy": _mean(correct),
        "macro_f1": _mean([figures["f1"] for figures in present]),
        "weighted_f1": _mean(
            [figures["f1"] for figures in present], [figures["support"] for figures in present]
        ),
        "per_class": per_class,
        "auc_mean": _mean([f["auc"] for f in present if f["auc"] is not None]),
        "auc_hard_mean": _mean([f["auc_hard"] for f in present if f["auc_hard"] is not None]),
        "confusion": _confusion(labels, predicted).tolist(),
        "calibration": calibration(labels, probabilities),
        **_intervals(labels, probabilities, correct, times),
        **_questions(labels, probabilities, times),
    }


def malignancy(probabilities: NDArray) -> NDArray:
    """p(malignant) of what is taken for a lesion [n]; 1/2 where nothing is left for lesions."""
    malignant = probabilities[:, MALIGNANT].sum(1)
    either = np.delete(probabilities, BACKGROUND, axis=1).sum(1)
    return np.divide(malignant, either, out=np.full(len(probabilities), 0.5), where=either > 0)


def _questions(labels: NDArray, probabilities: NDArray, times: NDArray | None) -> dict:
    lesion, share = labels != BACKGROUND, malignancy(probabilities)
    of_lesions = None if times is None else times[:, lesion]
    found: dict = {}
    for name, (value, interval) in {
        # Without the 1, beside which the smallest probabilities would be the same.
        "lesion_auc": bootstrap.auc_with_interval(-probabilities[:, BACKGROUND], lesion, times),
        "malignancy_auc": bootstrap.auc_with_interval(
            share[lesion], MALIGNANT[labels[lesion]], of_lesions
        ),
    }.items():
        found |= {name: value, f"{name}_ci95": interval}
    return found


def _intervals(
    labels: NDArray, probabilities: NDArray, correct: NDArray, times: NDArray | None
) -> dict[str, list[float] | None]:
    if times is None:
        return dict.fromkeys(("accuracy_ci95", "auc_mean_ci95", "auc_hard_mean_ci95"))
    hard = np.eye(len(LABELS))[probabilities.argmax(axis=1)]
    return {
        "accuracy_ci95": bootstrap.interval_of_share(bootstrap.mean(correct, times), times),
        "auc_mean_ci95": bootstrap.interval(bootstrap.mean_auc(probabilities, labels, times)),
        "auc_hard_mean_ci95": bootstrap.interval(bootstrap.mean_auc(hard, labels, times)),
    }


def _confusion(labels: NDArray, predicted: NDArray) -> NDArray:
    if not len(labels):
        return np.zeros((len(LABELS), len(LABELS)), dtype=np.int64)
    return confusion_matrix(labels, predicted, labels=range(len(LABELS)))


def _per_class(
    labels: NDArray, predicted: NDArray, probabilities: NDArray, times: NDArray | None
) -> dict[str, dict]:
    table: dict[str, dict] = {}
    for index, name in enumerate(LABELS):
        true, hard = labels == index, predicted == index
        support = int(true.sum())
        figures: dict = dict.fromkeys(("precision", "recall", "f1"))
        if support:
            values = precision_recall_fscore_support(
                true, hard, average="binary", zero_division=np.nan
            )[:3]
            figures = {
                key: None if np.isnan(value) else float(value)
                for key, value in zip(figures, values, strict=True)
            }
        rankable = 0 < support < len(labels)
        table[name] = figures | {
            "support": support,
            "auc": float(roc_auc_score(true, probabilities[:, index])) if rankable else None,
            "auc_hard": float(roc_auc_score(true, hard)) if rankable else None,
            "ci95": _class_intervals(true, hard, probabilities[:, index], times)
            if support and times is not None
            else None,
        }
    return table


def _class_intervals(
    true: NDArray, hard: NDArray, scores: NDArray, times: NDArray
) -> dict[str, list[float] | None]:
    times = times[times @ true > 0]  # a sample without the class has none of its figures
    hits, predicted, support = (times @ side for side in (true & hard, hard, true))
    with np.errstate(invalid="ignore"):
        return {
            "precision": bootstrap.interval_of_share(hits / predicted, times[:, hard]),
            "recall": bootstrap.interval_of_share(hits / support, times[:, true]),
            "f1": bootstrap.interval(2 * hits / (predicted + support)),
            "auc": bootstrap.interval(bootstrap.auc(scores, true, times)),
        }


def _mean(values: ArrayLike, weights: Sequence[int] | None = None) -> float | None:
    values = np.asarray(values, dtype=np.float64)
    return float(np.average(values, weights=weights)) if values.size else None
