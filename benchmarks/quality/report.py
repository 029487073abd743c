"""A comparison on the screen and as a plot."""

import itertools
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from rich.table import Table

from benchmarks import report
from jaxcbis.report.figures.style import BLUE, VERMILLION

_NAMES = {
    "accuracy": "accuracy",
    "accuracy_without_label": "accuracy, no label norm.",
    "auc_mean": "mean AUC, probabilities",
    "auc_hard_mean": "mean AUC, hard labels",
    "ll_score": "LL score",
    "ll_score_of_library": "LL, pytorch-grad-cam",
}


def tables(quality: dict) -> list[Table]:
    """The figures and seconds of both sides, and their losses epoch by epoch.

    Args:
      quality: content of quality.json.

    Returns:
      Two tables of at most 80 characters.
    """
    config, ours, peer = quality["config"], quality["ours"], quality["peer"]
    title = f"{config['backbone']} {config['strategy']}: ours beside {peer['name']}"
    names = ("test set", "ours", "PyTorch", "difference", "95 % interval")
    figures = report.columns(names, title=title)
    for name, row in quality["figures"].items():
        difference = "" if row["difference"] is None else f"{row['difference']:+.3f}"
        interval = "" if row["ci95"] is None else "{:+.3f} to {:+.3f}".format(*row["ci95"])
        sides = (_text(row[side], 3) for side in ("ours", "peer"))
        figures.add_row(_NAMES[name], *sides, difference, interval)
    figures.add_row("same class predicted", f"{quality['agreement']:.3f}", "", "", "")
    for what, seconds in ours["seconds"].items():
        theirs = peer["seconds"][what]
        figures.add_row(f"seconds, {what}", f"{seconds:.1f}", f"{theirs:.1f}", "", "")

    pairs = ("train loss", "PyTorch", "val loss", "PyTorch", "s", "PyTorch")
    losses = report.columns(("phase", "epoch", *pairs), title="Epoch by epoch")
    for phase, epoch, rows in epochs(quality):
        cells = [
            _text(row.get(key), digits)
            for key, digits in (("train_loss", 4), ("val_loss", 4), ("seconds", 1))
            for row in rows
        ]
        losses.add_row(phase, str(epoch), *cells)
    return [figures, losses]


def epochs(quality: dict) -> list[tuple[str, int, tuple[dict, dict]]]:
    """Phase, epoch, and both sides' rows of the history; {} where one had stopped before."""
    ours, peer = (
        {(row["phase"], row["epoch"]): row for row in quality[side]["history"]}
        for side in ("ours", "peer")
    )
    phases = list(dict.fromkeys(phase for phase, _ in ours))
    keys = sorted({*ours, *peer}, key=lambda key: (phases.index(key[0]), key[1]))
    return [(*key, (ours.get(key, {}), peer.get(key, {}))) for key in keys]


def plot(quality: dict, path: Path) -> None:
    """Draws the losses of both sides over the epochs of all phases; see `report.save`."""
    rows = epochs(quality)
    figure = Figure(figsize=(8, 3.5), layout="constrained")
    axes = figure.subplots(1, 2)
    for axis, key, title in zip(
        axes, ("train_loss", "val_loss"), ("Train loss", "Validation loss"), strict=True
    ):
        sides = zip(*(pair for *_, pair in rows), strict=True)
        styles = (("ours", BLUE, "o-"), ("PyTorch", VERMILLION, "s--"))
        for side, (name, colour, style) in zip(sides, styles, strict=True):
            values = [np.nan if row.get(key) is None else row[key] for row in side]
            axis.plot(values, style, color=colour, label=name, markersize=3, linewidth=1)
        for i, (before, after) in enumerate(itertools.pairwise(rows)):
            if before[0] != after[0]:
                axis.axvline(i + 0.5, color="0.7", linewidth=0.8)
        axis.set(xlabel="epoch, all phases", title=title)
        axis.xaxis.get_major_locator().set_params(integer=True)
    axes[0].legend(frameon=False)
    report.save(figure, path)


def line(row: dict) -> str:
    """What is said of an epoch when it is over."""
    return (
        f"{row['phase']:<8} epoch {row['epoch']:>3}  train loss {_text(row['train_loss'], 4):>6}"
        f"  val loss {row['val_loss']:.4f}  {row['seconds']:6.1f} s"
    )


def _text(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
