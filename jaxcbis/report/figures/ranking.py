"""Figures over all thresholds: ROC and precision-recall curves, one class against the rest."""

from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxcbis.labels import LABELS
from jaxcbis.records.predictions import Predictions
from jaxcbis.report import paper
from jaxcbis.report.figures.style import CLASSES, GREY


def roc(results: dict, predictions: Predictions) -> Figure:
    """All thresholds, the model's own decisions, and the paper's.

    A filled dot is what the most probable class decides, a hollow one what the paper's printed
    confusion matrix says; the paper has no curve.
    """
    from sklearn.metrics import roc_curve  # here: a report of what is drawn already needs it not

    published = paper.row_of(results["config"])
    figure, axes = _square()
    axes.plot((0, 1), (0, 1), ":", color=GREY, linewidth=1)
    for k, label, of_class in _rankable(results):
        true = predictions.labels == k
        false_rate, true_rate, _ = roc_curve(true, predictions.probabilities[:, k])
        colour, line = CLASSES[label]
        axes.plot(
            false_rate, true_rate, line, color=colour, label=f"{label}  {of_class['auc']:.2f}"
        )
        hard = predictions.probabilities.argmax(1) == k
        axes.plot(hard[~true].mean(), hard[true].mean(), "o", color=colour, markersize=6)
        if published:
            axes.plot(*_operating_point(published, k), "o", color=colour, fillstyle="none")
    axes.set(xlabel="false positive rate", ylabel="true positive rate")
    _legend(axes, "area under the curve", "lower right")
    return figure


def precision_recall(results: dict, predictions: Predictions) -> Figure:
    """All thresholds, and the model's own decisions as dots."""
    from sklearn.metrics import precision_recall_curve

    figure, axes = _square()
    for k, label, of_class in _rankable(results):
        true, scores = predictions.labels == k, predictions.probabilities[:, k]
        precision, recall, _ = precision_recall_curve(true, scores)
        colour, line = CLASSES[label]
        axes.plot(recall, precision, line, color=colour, label=f"{label}  {true.mean():.2f}")
        if of_class["precision"] is not None:
            axes.plot(of_class["recall"], of_class["precision"], "o", color=colour, markersize=6)
    axes.set(xlabel="recall", ylabel="precision")
    _legend(axes, "share of the class", "lower left")
    return figure


def _legend(axes: Axes, title: str, place: Literal["lower left", "lower right"]) -> None:
    """Names the classes' curves, or says why there is none."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(title=title, loc=place, fontsize=7.5, title_fontsize=7.5)
    else:
        axes.text(0.5, 0.5, "no class has both patches and others", ha="center", fontsize=7.5)


def _rankable(results: dict) -> list[tuple[int, str, dict]]:
    """Classes that have both samples and others to rank them against."""
    per_class = results["test"]["per_class"]
    return [
        (k, label, per_class[label])
        for k, label in enumerate(LABELS)
        if per_class[label]["auc"] is not None
    ]


def _operating_point(row: paper.Row, k: int) -> tuple[float, float]:
    """False and true positive rate of a class, from the printed shares and supports."""
    support = np.array(list(paper.SUPPORT.values()))
    shares = np.array(row.confusion)[:, k]
    others = np.arange(len(LABELS)) != k
    return float(shares[others] @ support[others] / support[others].sum()), float(shares[k])


def _square() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.2, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.grid(alpha=0.3)
    return figure, axes
