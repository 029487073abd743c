"""The picture of a sweep: where any lesion is likely, the best boxes, and the map of each class."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import AbstractPathEffect, withStroke

from jaxcbis.detection.sweep import Mark, Sweep
from jaxcbis.labels import LABELS
from jaxcbis.report.figures import explained, notices, saving
from jaxcbis.report.figures.style import SETTINGS

#: A mammogram is drawn with at most this many pixels on its longer side.
DRAWN = 1200
#: Inches: the width of the leading map and of the part beside it, and the least height of both.
LEADING, BESIDE, LEAST = 5.0, 4.6, 5.2
#: Boxes that the legend has room for; all of them are drawn.
LISTED = 6
#: Of boxes and their numbers, and of known lesions: what inferno and grey do not have.
MARK = "#00E5FF"
OUTLINE = "white"


class Picture(NamedTuple):
    """What is drawn.

    Attributes:
      mammogram: uint8 [height, width].
      sweep: of it.
      marks: of `sweep.best`, or ranked in another way.
      masks: [height, width], of known lesions, to be outlined.
    """

    mammogram: np.ndarray
    sweep: Sweep
    marks: Sequence[Mark]
    masks: Sequence[np.ndarray] = ()


def write(path: Path, picture: Picture, results: dict, source: str) -> None:
    """Writes a mammogram with the probability of any lesion over it, and of each class beside it.

    A cell of a map is the step between two windows, in the colour of the window around its centre;
    windows that were not looked at stay as they are.

    Args:
      path: of the PNG file.
      picture: what is drawn.
      results: content of the run's results.json.
      source: the run's folder.

    Raises:
      UserError: the file cannot be written.
    """
    saving.png(path, draw(picture, results, source), explained.FILE_DPI)


def draw(picture: Picture, results: dict, source: str) -> Figure:
    """The figure that `write` writes.

    Args:
      picture, results, source: as of `write`.
    """
    height, width = picture.mammogram.shape
    factor = min(DRAWN / max(height, width), 1)
    small = (max(round(width * factor), 1), max(round(height * factor), 1))
    film = cv2.resize(picture.mammogram, small, interpolation=cv2.INTER_AREA)
    tall = max(LEADING * min(height / width, 2), LEAST)
    with mpl.rc_context(SETTINGS):
        figure = Figure(
            figsize=(LEADING + BESIDE, tall + 1), dpi=explained.SCREEN_DPI, layout="constrained",
            facecolor="white",
        )  # fmt: skip
        figure.suptitle(explained.named(results, source), fontsize=9, parse_math=False)
        notices.stamp(figure, results)
        left, right = figure.subfigures(1, 2, width_ratios=(LEADING, BESIDE), squeeze=False)[0]
        _draw_leading(left.subplots(), picture, film)
        listed, classes = right.subfigures(2, 1, height_ratios=(2, 3), squeeze=False)[:, 0]
        _list_marks(listed, picture)
        _draw_classes(classes, picture, film)
    return figure


def _draw_leading(axes: Axes, picture: Picture, film: np.ndarray) -> None:
    _draw_map(axes, picture, film, picture.sweep.suspicion)
    axes.set_title("Any lesion: 1 - P(background)", fontsize=12, weight="bold")
    height, width = picture.mammogram.shape
    for mask in picture.masks:
        outline = cv2.resize(mask, film.shape[::-1])
        axes.contour(outline, [127], colors=[OUTLINE], extent=(0, width, 0, height), linewidths=2)
    dark: list[AbstractPathEffect] = [withStroke(linewidth=3, foreground="black")]
    for rank, mark in enumerate(picture.marks, 1):
        x0, y0, x1, y1 = mark.box
        box = Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=MARK, linewidth=1.8)
        axes.add_patch(box).set_path_effects(dark)
        axes.text(
            (x0 + x1) / 2, (y0 + y1) / 2, str(rank), color=MARK, fontsize=13, weight="bold",
            ha="center", va="center", path_effects=dark,
        )  # fmt: skip


def _list_marks(part: SubFigure, picture: Picture) -> None:
    """The legend: what each numbered box scored, and what else is drawn."""
    axes = part.subplots()
    axes.axis("off")
    if picture.marks:
        count = len(picture.marks)
        first = f", the first {LISTED} of {count}" if count > LISTED else ""
        axes.set_title(f"Best boxes, by the probability of a lesion{first}", fontsize=10)
        rows = [
            [str(rank), mark.lesion, LABELS[best], f"{mark.probabilities[best]:.2f}"]
            for rank, mark in enumerate(picture.marks[:LISTED], 1)
            for best in [int(mark.probabilities.argmax())]
        ]
        table = axes.table(
            rows, colLabels=["box", "score", "most probable class", "its P"], cellLoc="left",
            colLoc="left", colWidths=[0.12, 0.18, 0.54, 0.16], loc="upper center",
            edges="horizontal",
        )  # fmt: skip
        table.auto_set_font_size(False)
        table.set_fontsize(10)
        table.scale(1, 1.35)
        keys = [Line2D([], [], color=MARK, label="box: a window that stands out")]
    else:
        axes.text(0.5, 0.9, "No window to mark.", ha="center", fontsize=11)
        keys = []
    if picture.masks:
        keys.append(Line2D([], [], color=OUTLINE, label="outline: a known lesion"))
    if keys:
        axes.legend(handles=keys, loc="lower left", fontsize=9, facecolor="0.35", framealpha=1,
                    labelcolor="white")  # fmt: skip


def _draw_classes(part: SubFigure, picture: Picture, film: np.ndarray) -> None:
    panels = part.subplots(2, 3).ravel()
    of_class = np.moveaxis(picture.sweep.probabilities, -1, 0)
    for axes, name, values in zip(panels, LABELS, of_class, strict=False):
        mesh = _draw_map(axes, picture, film, values)
        axes.set_title(name, fontsize=8)
    panels[-1].axis("off")
    bar = part.colorbar(mesh, cax=panels[-1].inset_axes((0.45, 0.05, 0.13, 0.9)))
    bar.set_label("probability, in all maps", fontsize=9)
    bar.ax.yaxis.set_label_position("left")
    bar.ax.tick_params(labelsize=9)


def _draw_map(axes: Axes, picture: Picture, film: np.ndarray, values: np.ndarray):
    """Draws values [rows, columns] of the windows over the mammogram; returns what was drawn."""
    height, width = picture.mammogram.shape
    axes.imshow(film, cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0))
    axes.axis("off")
    boxes = picture.sweep.boxes
    centres = (boxes[..., :2] + boxes[..., 2:]) / 2
    return axes.pcolormesh(
        _edges(centres[0, :, 0]), _edges(centres[:, 0, 1]), np.ma.masked_invalid(values),
        cmap="inferno", vmin=0, vmax=1, alpha=0.5,
    )  # fmt: skip


def _edges(centres: np.ndarray) -> np.ndarray:
    """Bounds of the cells around evenly spaced centres."""
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    half = (centres[-1] - centres[0]) / (len(centres) - 1) / 2
    return np.append(centres - half, centres[-1] + half)
