"""Loss and accuracy of several runs on one axis, epoch by epoch."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from jaxcbis.report.figures.style import BLUE, GREEN, GREY, PURPLE, SETTINGS, VERMILLION

#: What histories hold, and what it is called.
QUANTITIES = {
    "loss": "Loss",
    "accuracy": "Accuracy",
    "cross_entropy": "Cross-entropy, without the localisation term",
    "look": "Localisation term",
}
#: A run has the next colour and the next marker; together they repeat only after 35 runs.
_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, GREY)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_COLUMNS = 2  # of the legend


def quantities(runs: Sequence[dict]) -> list[str]:
    """Those of QUANTITIES that some run has; the parts of the loss only where it has two.

    Args:
      runs: results.json of each.
    """
    rows = [row for results in runs for row in results.get("history") or ()]
    if not rows:
        return []
    two = any(row.get("val_look") is not None for row in rows)
    return list(QUANTITIES) if two else ["loss", "accuracy"]


def alt(quantity: str) -> str:
    """What is said instead of the figure."""
    return (
        f"{QUANTITIES[quantity]} of every run by trained epochs, training and validation, with the "
        "epoch whose weights were kept"
    )


def style_of(run: int) -> dict[str, Any]:
    """Colour and marker of a run, counted from 0."""
    return {"color": _COLOURS[run % len(_COLOURS)], "marker": _MARKERS[run % len(_MARKERS)]}


def draw(names: Sequence[str], runs: Sequence[dict], quantity: str) -> Figure:
    """One quantity: validation solid, training dotted, a star where the weights were kept.

    Args:
      names: of the runs.
      runs: their results.json.
      quantity: of QUANTITIES.
    """
    looks = [style_of(k) for k in range(len(runs))]
    with mpl.rc_context(SETTINGS):
        lines = -(-(len(runs) + 3) // _COLUMNS)  # of the legend
        figure = Figure(figsize=(8, 3.4 + 0.2 * lines), layout="constrained")
        axes = figure.subplots()
        for results, look in zip(runs, looks, strict=True):
            _run(axes, results, quantity, look)
        axes.set(xlabel="epochs trained, over all phases", ylabel=QUANTITIES[quantity])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        kinds: list[dict[str, Any]] = [
            {"linestyle": "-"}, {"linestyle": ":"},
            {"linestyle": "", "marker": "*", "markersize": 10},
        ]  # fmt: skip
        legend = figure.legend(
            handles=[Line2D([], [], **({"color": GREY} | look)) for look in (*looks, *kinds)],
            labels=[*names, "validation", "training", "weights that were kept"],
            loc="outside lower center", ncols=_COLUMNS, fontsize=8,
        )  # fmt: skip
        for text in legend.get_texts():
            text.set_parse_math(False)  # a folder's name is no formula
    return figure


def trained(history: Sequence[dict]) -> NDArray:
    """Epochs trained up to each row of a history; row 0 of a phase is what it starts with."""
    return np.cumsum([row["epoch"] > 0 for row in history])


def _run(axes: Axes, results: dict, quantity: str, look: dict[str, Any]) -> None:
    history, best = results.get("history") or [], results.get("best") or {}
    epochs = trained(history)
    train, validation = (
        np.array([row.get(f"{split}_{quantity}") for row in history], dtype=float)  # None: a gap
        for split in ("train", "val")
    )
    axes.plot(epochs, train, linestyle=":", markersize=3, linewidth=1.2, **look)
    axes.plot(epochs, validation, linestyle="-", markersize=5, **look)
    for at, row in enumerate(history):
        if (row["phase"], row["epoch"]) == (best.get("phase"), best.get("epoch")):
            star = look | {"marker": "*", "markersize": 15, "markeredgecolor": "white"}
            axes.plot(epochs[at], validation[at], zorder=3, **star)
