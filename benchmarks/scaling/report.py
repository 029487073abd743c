"""Scaling curves on the screen and as a plot."""

from matplotlib.figure import Figure
from rich.table import Table

from benchmarks import report
from benchmarks.report import number
from benchmarks.scaling.command import COSTS, SWEEPS
from jaxcbis.report.figures.style import BLUE, GREEN, VERMILLION

#: Cost -> its name, colour and line, on the plot of seconds and on that of memory.
_LINES = {
    "seconds": {
        "ours": ("ours", BLUE, "o-"),
        "prefix_s": ("ours, activations that are kept, once", GREEN, "^--"),
        "peer": ("PyTorch", VERMILLION, "s-"),
    },
    "MiB": {
        "ours_memory_mb": ("ours", BLUE, "o-"),
        "peer_memory_mb": ("PyTorch", VERMILLION, "s-"),
    },
}


def line(row: dict) -> str:
    """One point."""
    text = f"{row['sweep']:<10} {row['model']:<9} at {row['at']:<5} ours {number(row['ours'])} s"
    if row["peer"] is not None:
        text += f", PyTorch {number(row['peer'])} s"
    reasons = [f"{side}: {row[f'{side}_reason']}" for side in ("ours", "peer")
               if row[f"{side}_reason"]]  # fmt: skip
    return "; ".join([text, *reasons])


def show(results: dict) -> None:
    """Prints the points of every sweep, and their slope below them."""
    table = _table("at")
    for fitted in results["slopes"]:
        key = (fitted["sweep"], fitted["model"])
        for point in points_of(results, *key):
            table.add_row(*key, str(point["at"]), *(number(point[cost]) for cost in COSTS))
        costs = [_exponent(fitted[cost]) for cost in COSTS]
        table.add_row(*key, "slope", *costs, style="bold", end_section=True)
    report.show(table, footnotes(results))


def summary(results: dict) -> Table:
    """A line per sweep and model: the costs of the largest work, and the slopes in brackets."""
    table = _table("up to")
    for fitted in results["slopes"]:
        *_, last = points_of(results, fitted["sweep"], fitted["model"])
        costs = []
        for cost in COSTS:
            exponent = _exponent(fitted[cost])
            costs.append(number(last[cost]) + (f" ({exponent})" if exponent else ""))
        table.add_row(fitted["sweep"], fitted["model"], str(last["at"]), *costs)
    return table


def _table(at: str) -> Table:
    costs = ("ours s", "kept s", "PyTorch s", "ours MiB", "PyTorch MiB")
    return report.columns(("sweep", "model", at, *costs), text=2)


def points_of(results: dict, sweep: str, model: str) -> list[dict]:
    return [p for p in results["points"] if (p["sweep"], p["model"]) == (sweep, model)]


def footnotes(results: dict) -> list[str]:
    """What the sweeps are, and what a slope means."""
    size = results["settings"]["size_of_swept_images"]
    lines = [
        f"{name}: {sweep.what} over {sweep.over}"
        + (f", {size} pixels a side" if sweep.over == "training images" else "")
        + (", squared if linear in pixels" if sweep.linear == 2 else "")
        for name, sweep in SWEEPS.items()
        if any(row["sweep"] == name for row in results["slopes"])
    ]
    return [*lines, "slope: k of cost ~ x**k, fitted to the logarithms; 1 is linear"]


def plot(results: dict) -> Figure:
    """Seconds and memory over every quantity, both axes logarithmic; two lines of panels a
    model."""
    models = list(dict.fromkeys(row["model"] for row in results["slopes"]))
    sweeps = [name for name in SWEEPS if any(row["sweep"] == name for row in results["slopes"])]
    figure = Figure(figsize=(3.2 * len(sweeps), 5.4 * len(models)), layout="constrained")
    panels = figure.subplots(2 * len(models), len(sweeps), squeeze=False)
    for i, (model, unit) in enumerate((model, unit) for model in models for unit in _LINES):
        for axes, sweep in zip(panels[i], sweeps, strict=True):
            points = points_of(results, sweep, model)
            fitted = next(
                row for row in results["slopes"] if (row["sweep"], row["model"]) == (sweep, model)
            )
            for cost, (name, colour, style) in _LINES[unit].items():
                pairs = [(point["at"], point[cost]) for point in points if point[cost]]
                if pairs:
                    exponent = _exponent(fitted[cost])
                    label = f"{name}: {exponent}" if exponent else name
                    axes.plot(*zip(*pairs, strict=True), style, color=colour, ms=4, label=label)
            at = [point["at"] for point in points]
            axes.set(xscale="log", yscale="log", xticks=at, ylabel=unit)
            axes.set_xticks([], minor=True)
            axes.set_xticklabels([str(x) for x in at], fontsize=7)
            axes.set_xlabel(SWEEPS[sweep].over, fontsize=8)
            axes.set_title(f"{model}, {SWEEPS[sweep].what}", fontsize=8)
            axes.legend(frameon=False, fontsize=7, title="with slope", title_fontsize=7)
    hardware = results["hardware"]
    figure.suptitle(f"{hardware['device']} ({hardware['backend']})", fontsize=9)
    return figure


def _exponent(slope: float | None) -> str:
    return "" if slope is None else f"{slope:.2f}"
