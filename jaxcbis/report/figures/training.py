"""Loss and accuracy per epoch; the parts of the loss, where it has two."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from jaxcbis.report.figures.style import BLUE, GREEN, VERMILLION
from jaxcbis.report.tables import title_of

#: The most epochs that have their number below the axis.
NUMBERED = 12
_SAID = {"cross_entropy": "cross-entropy", "look": "localisation term"}


def draw(results: dict, title: str | None = None) -> Figure:
    """Phase after phase, with the epoch whose weights were kept.

    Args:
      results: content of results.json, with a history.
      title: of the figure; None says which patch run it is.
    """
    history = results["history"]
    names = ["loss", "accuracy"]
    if any(row.get("val_look") is not None for row in history):
        names += ["cross_entropy", "look"]
    figure = Figure(figsize=(10, 2 * len(names)), layout="constrained")
    figure.suptitle(title_of(results) if title is None else title, parse_math=False)
    panels = figure.subplots(len(names) // 2, 2, squeeze=False)
    for axes, name in zip(panels.ravel(), names, strict=True):
        _panel(axes, name, history, results.get("best"))
    return figure


def _panel(axes: Axes, name: str, history: list[dict], best: dict | None) -> None:
    steps = np.arange(len(history))
    starts = [
        k for k in range(len(history)) if k == 0 or history[k]["phase"] != history[k - 1]["phase"]
    ]
    for start, end in zip(starts, [*starts[1:], len(history)], strict=True):
        _phase(axes, name, steps[start:end], history[start:end])
    for step, entry in enumerate(history):
        if best and (entry["phase"], entry["epoch"]) == (best["phase"], best["epoch"]):
            value = np.array(entry.get(f"val_{name}"), dtype=float)
            axes.plot(step, value, "*", color=GREEN, markersize=14, label="best", zorder=3)
    every = max(1, len(steps) // NUMBERED)
    axes.set_xticks(steps[::every], [str(entry["epoch"]) for entry in history][::every])
    ylabel = _SAID.get(name, name)
    axes.set(xlabel="epoch of the phase (0: before training)", ylabel=ylabel)
    axes.grid(alpha=0.3)
    axes.legend()


def _phase(axes: Axes, name: str, steps: NDArray, rows: list[dict]) -> None:
    start = steps[0]
    for split, said, colour, style in (
        ("train", "train", BLUE, "o--"),
        ("val", "validation", VERMILLION, "s-"),
    ):
        # None, of an untrained epoch 0, is a gap.
        values = np.array([entry.get(f"{split}_{name}") for entry in rows], dtype=float)
        label = None if start else said
        axes.plot(steps, values, style, color=colour, markersize=4, label=label)
    if start:
        axes.axvline(start - 0.5, color="0.6", linewidth=0.8)
    axes.annotate(
        f"phase {rows[0]['phase']}",
        (start, 1.01),
        xycoords=("data", "axes fraction"),
        fontsize=8,
    )
