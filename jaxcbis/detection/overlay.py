"""The picture of a sweep: best boxes, and the map of every class over the mammogram."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from jaxcbis.detection.sweep import Mark, Sweep
from jaxcbis.labels import LABELS, SHORT
from jaxcbis.report.figures import saving
from jaxcbis.report.figures.style import SKY, VERMILLION

#: A mammogram is drawn with at most this many pixels on its longer side.
DRAWN = 1200


def write(
    path: Path,
    mammogram: np.ndarray,
    sweep: Sweep,
    marks: Sequence[Mark],
    masks: Sequence[np.ndarray] = (),
) -> None:
    """Draws a mammogram with its best boxes, and the probability map of every class over it.

    A cell of a map is the step between two windows, in the colour of the window around its centre;
    windows that were not looked at stay as they are.

    Args:
      path: of the PNG file.
      mammogram: uint8 [height, width].
      sweep: of it.
      marks: of `sweep.best`.
      masks: [height, width], of known lesions, to be outlined.

    Raises:
      UserError: the file cannot be written.
    """
    height, width = mammogram.shape
    factor = min(DRAWN / max(height, width), 1)
    small = (max(round(width * factor), 1), max(round(height * factor), 1))
    film = cv2.resize(mammogram, small, interpolation=cv2.INTER_AREA)
    panel = 2.8
    figure = Figure(figsize=(9.6, 2 * (panel * height / width + 0.4)), layout="constrained")
    first, *others = figure.subplots(2, 3).ravel()
    for axes in (first, *others):
        axes.imshow(film, cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0))
        axes.axis("off")
    for mask in masks:
        first.contour(cv2.resize(mask, small), [127], colors=[np.array(SKY) / 255],
                      extent=(0, width, 0, height), linewidths=1)  # fmt: skip
    _draw_marks(first, marks)
    centres = (sweep.boxes[..., :2] + sweep.boxes[..., 2:]) / 2
    across, down = _edges(centres[0, :, 0]), _edges(centres[:, 0, 1])
    of_class = np.moveaxis(sweep.probabilities, -1, 0)
    for axes, name, values in zip(others, LABELS, of_class, strict=True):
        mesh = axes.pcolormesh(
            across, down, np.ma.masked_invalid(values), cmap="inferno", vmin=0, vmax=1, alpha=0.6
        )
        axes.set_title(name, fontsize=8)
    figure.colorbar(mesh, ax=others, label="probability", shrink=0.6)
    saving.png(path, figure)


def _draw_marks(axes: Axes, marks: Sequence[Mark]) -> None:
    for rank, mark in enumerate(marks, 1):
        x0, y0, x1, y1 = mark.box
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=VERMILLION))
        axes.text(x0, y0, f" {rank}", color=VERMILLION, fontsize=7, va="top")
    named = [
        f"{rank} {SHORT[LABELS[int(mark.probabilities.argmax())]]} {mark.score:.2f}"
        for rank, mark in enumerate(marks, 1)
    ]
    listed = textwrap.fill(", ".join(named) or "no window holds breast", 45)
    axes.set_title(f"best boxes, probability of a lesion:\n{listed}", fontsize=7)


def _edges(centres: np.ndarray) -> np.ndarray:
    """Bounds of the cells around evenly spaced centres."""
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    half = (centres[-1] - centres[0]) / (len(centres) - 1) / 2
    return np.append(centres - half, centres[-1] + half)
