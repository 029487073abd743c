"""The confusion matrix beside the paper's."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from jaxcbis.labels import LABELS
from jaxcbis.report import paper
from jaxcbis.report.tables import title_of


def draw(results: dict) -> Figure:
    """Share and count in each cell, beside the paper's shares where it has them."""
    published = paper.row_of(results["config"])
    counts = np.array(results["test"]["confusion"])
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    texts = [
        [f"{share:.2f}\n{count}" if total else "–" for share, count in zip(*row, strict=True)]
        for *row, (total,) in zip(shares, counts, totals, strict=True)
    ]
    figure = Figure(figsize=(10 if published else 5.4, 4.8), layout="constrained")
    panels = figure.subplots(1, 2 if published else 1, squeeze=False)[0]
    _matrix(panels[0], shares, texts, title_of(results))
    if published:
        printed = np.array(published.confusion)
        texts = [[f"{share:.2f}" for share in row] for row in printed]
        _matrix(panels[1], printed, texts, f"Paper, {published.confusion_figure}: {published.name}")
    return figure


def _matrix(axes: Axes, shares: NDArray, texts: list[list[str]], title: str) -> None:
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(shares.shape):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(
            column, row, texts[row][column], ha="center", va="center", color=colour, fontsize=8
        )
    ticks = range(len(LABELS))
    axes.set_xticks(ticks, LABELS, rotation=35, ha="right", fontsize=8)
    axes.set_yticks(ticks, LABELS, fontsize=8)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=10)
