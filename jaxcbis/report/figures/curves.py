"""Loss and accuracy of several runs on one axis, epoch by epoch."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

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


def draw(names: Sequence[str], runs: Sequence[dict], quantity: str) -> Figure:
    """One quantity: validation solid, training dotted, a star where the weights were kept.

    Args:
      names: of the runs.
      runs: their results.json.
      quantity: of QUANTITIES.
    """
    with mpl.rc_context(SETTINGS):
        rows = -(-(len(runs) + 3) // _COLUMNS)
        figure = Figure(figsize=(8, 3.4 + 0.2 * rows), layout="constrained")
        axes = figure.subplots()
        for k, results in enumerate(runs):
            look = {"color": _COLOURS[k % len(_COLOURS)], "marker": _MARKERS[k % len(_MARKERS)]}
            history = results.get("history") or []
            epochs = trained(history)
            train, val = (_values(history, f"{split}_{quantity}") for split in ("train", "val"))
            axes.plot(epochs, train, ":", **look, markersize=3, linewidth=1.2)
            axes.plot(epochs, val, "-", **look, markersize=5)
            best = results.get("best") or {}
            for at, row in enumerate(history):
                if (row["phase"], row["epoch"]) == (best.get("phase"), best.get("epoch")):
                    star = dict(look, marker="*", markersize=15)
                    axes.plot(epochs[at], val[at], **star, markeredgecolor="white", zorder=3)
        axes.set(xlabel="epochs trained, over all phases", ylabel=QUANTITIES[quantity])
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        figure.legend(
            handles=[
                *(
                    Line2D(
                        [], [], color=_COLOURS[k % len(_COLOURS)], marker=_MARKERS[k % len(_MARKERS)]
                    )
                    for k in range(len(runs))
                ),
                Line2D([], [], color=GREY, linestyle="-"),
                Line2D([], [], color=GREY, linestyle=":"),
                Line2D([], [], color=GREY, linestyle="", marker="*", markersize=10),
            ],
            labels=[*names, "validation", "training", "weights that were kept"],
            loc="outside lower center",
            ncols=_COLUMNS,
            fontsize=8,
        )
        for text in figure.legends[0].get_texts():
            text.set_parse_math(False)
    return figure


def trained(history: Sequence[dict]) -> np.ndarray:
    """Epochs trained up to each row; row 0 of a phase is what the phase starts with."""
    return np.cumsum([row["epoch"] > 0 for row in history])


def _values(history: Sequence[dict], name: str) -> np.ndarray:
    return np.array([row.get(name) for row in history], dtype=float)  # None is a gap
