"""Pictures of a run at print resolution, in colours that the colour-blind tell apart."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from jaxcbis import paper
from jaxcbis.errors import UserError
from jaxcbis.labels import LABELS
from jaxcbis.report.tables import is_demo, run_name

DPI = 300
# Okabe and Ito's palette.
BLUE, VERMILLION, GREEN, SKY = "#0072B2", "#D55E00", "#009E73", (86, 180, 233)


def write(run_dir: Path | str, results: dict) -> list[Path]:
    """Draws what the results hold into `run_dir/figures`.

    Args:
      run_dir: folder of the run.
      results: content of results.json.

    Returns:
      The files: confusion.png where the run was tested, training.png where it was trained.

    Raises:
      UserError: a file cannot be written.
    """
    folder = Path(run_dir) / "figures"
    drawn = {}
    if (results.get("test") or {}).get("n"):
        drawn[folder / "confusion.png"] = confusion(results)
    if results.get("history"):
        drawn[folder / "training.png"] = training(results)
    for path, figure in drawn.items():
        _save(figure, path)
    return list(drawn)


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
    _matrix(panels[0], shares, texts, _title(results))
    if published:
        printed = np.array(published.confusion)
        texts = [[f"{share:.2f}" for share in row] for row in printed]
        _matrix(panels[1], printed, texts, f"Paper, {published.confusion_figure}: {published.name}")
    return figure


def training(results: dict) -> Figure:
    """Loss and accuracy per epoch, phase after phase, with the epoch whose weights were kept."""
    history, best = results["history"], results.get("best")
    figure = Figure(figsize=(10, 4), layout="constrained")
    figure.suptitle(_title(results))
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
    images: ArrayLike,
    maps: ArrayLike,
    masks: ArrayLike,
    titles: Sequence[str],
) -> None:
    """Writes a grid of patches with mask outline and class activation map.

    Args:
      path: of the PNG file.
      images: [k, S, S] uint8.
      maps: [k, S, S] at least 0.
      masks: [k, S, S] bool.
      titles: [k] lines above the patches.

    Raises:
      UserError: the file cannot be written.
    """
    images, maps, masks = np.asarray(images), np.asarray(maps), np.asarray(masks)
    columns = min(len(images), 4)
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(2.4 * columns, 2.7 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels:
        axes.axis("off")
    for axes, image, heat, mask, title in zip(panels, images, maps, masks, titles, strict=False):
        axes.imshow(overlay(image, heat, mask))
        axes.set_title(title, fontsize=7, parse_math=False)
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
    axes.set_title(title, fontsize=10)


def _title(results: dict) -> str:
    return run_name(results) + (" - DEMO DATA" if is_demo(results) else "")


def _save(figure: Figure, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=DPI)
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror or error}; free space there or choose another "
            "--output"
        ) from error
