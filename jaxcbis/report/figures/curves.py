"""Figures over all thresholds or confidences: ROC, precision-recall, reliability, LL score."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve, roc_curve

from jaxcbis.labels import LABELS
from jaxcbis.records.predictions import Predictions
from jaxcbis.report import paper
from jaxcbis.report.figures.style import BLUE, CLASSES, GREEN, GREY, VERMILLION


def roc(results: dict, predictions: Predictions) -> Figure:
    """One class against the rest: all thresholds, the model's own decisions, and the paper's.

    A filled dot is what the most probable class decides, a hollow one what the paper's printed
    confusion matrix says; the paper has no curve.
    """
    published = paper.ROWS.get((results["config"]["backbone"], results["config"]["strategy"]))
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
    """One class against the rest: all thresholds, and the model's own decisions as dots."""
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


def reliability(results: dict) -> Figure:
    """How often the predicted class is right, by the probability that it was given."""
    found = results["test"]["calibration"]
    figure = Figure(figsize=(4.2, 4.2), layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    rows = found["bins"]
    middle = [(row["low"] + row["high"]) / 2 for row in rows]
    width = rows[0]["high"] - rows[0]["low"]
    axes.plot((0, 1), (0, 1), ":", color=GREY, label="as often as it says")
    axes.plot(
        [row["confidence"] for row in rows],
        [row["accuracy"] for row in rows],
        "o-",
        color=BLUE,
        label=f"this model, calibration error {found['ece']:.3f}",
    )
    axes.set(ylabel="share that is right", ylim=(-0.02, 1.02), xlim=(0, 1))
    axes.legend(fontsize=8, loc="lower right")
    axes.grid(alpha=0.3)
    below.bar(middle, [row["n"] for row in rows], width * 0.9, color=BLUE)
    below.set(xlabel="probability of the predicted class", ylabel="patches")
    return figure


def localization(results: dict) -> Figure:
    """LL score beside maps that have seen no image, and over all thresholds."""
    found = results["localization"]
    published = paper.ROWS.get((results["config"]["backbone"], results["config"]["strategy"]))
    values = {
        "this run": found["ll_score"],
        "paper (threshold not stated)": published and published.ll_score,
        "random maps": found["baselines"]["random"],
        "centred Gaussian": found["baselines"]["centred_gaussian"],
        "all ones": found["baselines"]["all_ones"],
        "the mask at the map's grid": found["baselines"]["grid_ceiling"],
    }
    shown = {name: value for name, value in values.items() if value is not None}
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    for row, (name, value) in enumerate(shown.items()):
        colour = {"this run": BLUE, "paper (threshold not stated)": VERMILLION}.get(name, GREY)
        left.barh(row, value, color=colour, height=0.6)
        edge = value
        if name == "this run" and (interval := found.get("ll_score_ci95")):
            edge = interval[1]
            left.plot(interval, (row, row), color="#000000", linewidth=2)
        left.text(edge + 0.015, row, f"{value:.3f}", va="center", fontsize=9)
    left.set_yticks(range(len(shown)), list(shown))
    left.invert_yaxis()
    left.set(xlim=(0, 1), xlabel="LL score (mean IoU)")
    thresholds = {float(t): v for t, v in found["by_threshold"].items() if v is not None}
    right.plot(list(thresholds), list(thresholds.values()), "o-", color=BLUE, markersize=3)
    right.axvline(found["threshold"], color=GREEN, linestyle="--", linewidth=1)
    right.annotate("chosen", (found["threshold"], 1.01), xycoords=("data", "axes fraction"),
                   ha="center", fontsize=8)  # fmt: skip
    right.set(xlim=(0, 1), ylim=(0, None), xlabel="share of the map's maximum", ylabel="LL score")
    right.grid(alpha=0.3)
    return figure


def forest(names: Sequence[str], runs: Sequence[dict]) -> Figure:
    """Accuracy and LL score of several runs with their 95 % intervals, one below the other."""
    figure = Figure(figsize=(10, 1.2 + 0.3 * len(runs)), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    parts = (("test", "accuracy", "accuracy"), ("localization", "ll_score", "LL score"))
    for axes, (part, key, title) in zip(panels, parts, strict=True):
        for row, results in enumerate(runs):
            found = results.get(part) or {}
            if found.get(key) is None:
                continue
            if interval := found.get(f"{key}_ci95"):
                axes.plot(interval, (row, row), color=GREY, linewidth=2)
            axes.plot(found[key], row, "o", color=BLUE)
        axes.set(xlabel=title)
        axes.grid(alpha=0.3, axis="x")
    panels[0].set_yticks(range(len(runs)), names, parse_math=False)
    panels[0].invert_yaxis()
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
