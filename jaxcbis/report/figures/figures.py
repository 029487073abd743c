"""Pictures of a run at print resolution, in colours that the colour-blind tell apart."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from jaxcbis.labels import LABELS
from jaxcbis.machine import files
from jaxcbis.records.predictions import Predictions
from jaxcbis.report import paper
from jaxcbis.report.figures import curves
from jaxcbis.report.figures.style import BLUE, GREEN, SETTINGS, VERMILLION
from jaxcbis.report.tables import is_demo, run_name

DPI = 300
SKY = (86, 180, 233)  # of Okabe and Ito's palette, for outlines on dark patches


class Drawing(NamedTuple):
    """A figure, and what it says to those who cannot see it."""

    figure: Figure
    alt: str


def draw(results: dict, predictions: Predictions | None = None) -> dict[str, Drawing]:
    """Draws what a run has.

    Args:
      results: content of results.json.
      predictions: of predictions.csv; without them there are no ROC and precision-recall curves.

    Returns:
      Of confusion, roc, precision_recall, reliability, training and localization those that the
      run has figures for.
    """
    test, found = results.get("test"), {}
    with mpl.rc_context(SETTINGS):
        if test and test["n"]:
            found["confusion"] = Drawing(confusion(results), _alt_of_confusion(test))
            if predictions is not None:
                aucs = ", ".join(
                    f"{label} {of['auc']:.2f}"
                    for label, of in test["per_class"].items()
                    if of["auc"] is not None
                )
                found["roc"] = Drawing(
                    curves.roc(results, predictions),
                    f"ROC curve of each class against the rest; areas: {aucs}.",
                )
                found["precision_recall"] = Drawing(
                    curves.precision_recall(results, predictions),
                    "Precision by recall of each class against the rest.",
                )
            if (test.get("calibration") or {}).get("bins"):
                error = test["calibration"]["ece"]
                found["reliability"] = Drawing(
                    curves.reliability(results),
                    "Share of right answers by the probability of the predicted class; expected "
                    f"calibration error {error:.3f}.",
                )
        if results.get("history"):
            found["training"] = Drawing(training(results), _alt_of_training(results))
        if (results.get("localization") or {}).get("ll_score") is not None:
            score = results["localization"]["ll_score"]
            found["localization"] = Drawing(
                curves.localization(results),
                f"LL score {score:.3f} beside maps that have seen no image, and by threshold; the "
                "localisation table holds the same figures.",
            )
        for name in ("roc", "precision_recall", "reliability", "localization"):
            if name in found:
                found[name].figure.suptitle(title_of(results), fontsize=9)
    return found


def write(run_dir: Path | str, results: dict, predictions: Predictions | None = None) -> list[Path]:
    """Writes what `draw` draws to `run_dir/figures` as PNG files.

    Raises:
      UserError: a file cannot be written.
    """
    folder = Path(run_dir) / "figures"
    written = []
    for name, drawing in draw(results, predictions).items():
        written.append(folder / f"{name}.png")
        _save(drawing.figure, written[-1])
    return written


def _alt_of_confusion(test: dict) -> str:
    recalls = (
        f"{label} {of['recall']:.2f}"
        for label, of in test["per_class"].items()
        if of["recall"] is not None
    )
    return (
        "Confusion matrix, rows true class, columns predicted class, beside the paper's where it "
        f"has one; share that is right: {', '.join(recalls)}. The confusion table holds all shares."
    )


def _alt_of_training(results: dict) -> str:
    alt = "Loss and accuracy of train and validation set per epoch of each phase."
    if best := results.get("best"):
        alt += f" Best: phase {best['phase']}, epoch {best['epoch']}, loss {best['val_loss']:.3f}."
    return alt


def confusion(results: dict) -> Figure:
    """Confusion matrix, share and count per cell, beside the paper's where it has one."""
    published = paper.ROWS.get((results["config"]["backbone"], results["config"]["strategy"]))
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


def training(results: dict) -> Figure:
    """Loss and accuracy per epoch, phase after phase, with the epoch whose weights were kept."""
    history, best = results["history"], results.get("best")
    figure = Figure(figsize=(10, 4), layout="constrained")
    figure.suptitle(title_of(results))
    steps = np.arange(len(history))
    starts = [k for k in steps if k == 0 or history[k]["phase"] != history[k - 1]["phase"]]
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for start, end in zip(starts, [*starts[1:], len(history)], strict=True):
            phase, label = slice(start, end), start == 0
            for split, colour, style in (("train", BLUE, "o--"), ("val", VERMILLION, "s-")):
                values = [entry[f"{split}_{name}"] for entry in history[phase]]
                axes.plot(
                    steps[phase],
                    np.array(values, dtype=float),  # None, of an untrained epoch 0, is a gap
                    style,
                    color=colour,
                    markersize=4,
                    label={"train": "train", "val": "validation"}[split] if label else None,
                )
            if start:
                axes.axvline(start - 0.5, color="0.6", linewidth=0.8)
            axes.annotate(
                f"phase {history[start]['phase']}",
                (start, 1.01),
                xycoords=("data", "axes fraction"),
                fontsize=8,
            )
        for step, entry in enumerate(history):
            if best and (entry["phase"], entry["epoch"]) == (best["phase"], best["epoch"]):
                value = entry[f"val_{name}"]
                axes.plot(step, value, "*", color=GREEN, markersize=14, label="best", zorder=3)
        axes.set_xticks(
            steps[:: max(1, len(steps) // 12)],
            [str(entry["epoch"]) for entry in history][:: max(1, len(steps) // 12)],
        )
        axes.set(xlabel="epoch of the phase (0: before training)", ylabel=name)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def cams(
    path: Path | str,
    pictures: Sequence[Sequence[NDArray | None]],
    titles: Sequence[Sequence[str]],
    title: str,
) -> None:
    """Writes overlays in the arrangement of the paper's Figure 7.

    Args:
      path: of the PNG file.
      pictures: two rows of overlays [S, S, 3] uint8, one column per class; None leaves a gap.
      titles: lines above them.
      title: of the figure.

    Raises:
      UserError: the file cannot be written.
    """
    names = ("highest IoU", "lowest IoU")
    columns = len(pictures[0])
    figure = Figure(figsize=(2.2 * columns, 5.6), layout="constrained")
    figure.suptitle(title, fontsize=10, parse_math=False)
    panels = figure.subplots(len(pictures), columns, squeeze=False)
    for axes, picture, title in zip(
        panels.ravel(), itertools.chain(*pictures), itertools.chain(*titles), strict=True
    ):
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.set_title(title, fontsize=8, parse_math=False)
        if picture is not None:
            axes.imshow(picture)
    for axes, name in zip(panels[:, 0], names, strict=True):
        axes.set_ylabel(name)
    _save(figure, Path(path))


def overlay(image: ArrayLike, heat: ArrayLike, mask: ArrayLike) -> NDArray[np.uint8]:
    """Lays a map over a patch; the lesion's outline is drawn where it has a mask.

    Args:
      image: [S, S] uint8.
      heat: [S, S] map, at least 0, shown as share of its maximum; where it is 0 the patch shows.
      mask: [S, S] bool.

    Returns:
      [S, S, 3] uint8, RGB.
    """
    image, heat = np.asarray(image), np.asarray(heat, dtype=np.float32)
    share = heat / max(float(heat.max()), np.finfo(np.float32).tiny)
    colours = mpl.colormaps["inferno"](share)[..., :3] * 255
    opacity = 0.6 * share[..., None]
    blended = np.rint(image[..., None] * (1 - opacity) + colours * opacity).astype(np.uint8)
    outlines, _ = cv2.findContours(
        np.asarray(mask).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    canvas = np.ascontiguousarray(blended)
    cv2.drawContours(canvas, outlines, -1, SKY, thickness=max(1, image.shape[0] // 112))
    return canvas


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


def title_of(results: dict) -> str:
    """The run in a few words, and that its data are no mammograms where they are not."""
    return run_name(results) + (" - DEMO DATA" if is_demo(results) else "")


def _save(figure: Figure, path: Path) -> None:
    files.make_folder(path.parent)
    with files.replacing(path) as file:
        figure.savefig(file, format="png", dpi=DPI)
