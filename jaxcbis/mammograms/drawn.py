"""Mammograms, what a run says of them and where it looks: three panels each, fit to be shown."""

from collections.abc import Sequence

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle

from jaxcbis.mammograms.explanation import Answer
from jaxcbis.mammograms.page.answer import run_name
from jaxcbis.report.figures import notices
from jaxcbis.report.figures.explained import SCREEN_DPI, WIDTH, Shown
from jaxcbis.report.figures.overlay import overlay
from jaxcbis.report.figures.style import INK, SETTINGS

#: A mammogram is drawn with at most this many pixels on its longer side.
DRAWN = 1200
#: Height of a panel by its width.
FLATTEST, TALLEST = 0.6, 2.0
#: Characters of the run's folder, of a long path the end.
LONGEST = 60
#: Of the box around the breast: what a film and inferno do not have.
BOX = "#00E5FF"


def draw(answers: Sequence[Answer], results: dict, method: str, source: str) -> Figure:
    """Draws each mammogram with the breast's box, the map of its view, and the map over the view.

    Args:
      answers: a row of panels each.
      results: content of the run's results.json.
      method: name of the maps' method, such as 'Grad-CAM'.
      source: the run's folder, which is named beside the run.

    Returns:
      A figure 900 pixels wide on a screen.
    """
    heights = [1.0 + 2.7 * _ratio(answer.view) for answer in answers]
    with mpl.rc_context(SETTINGS):
        figure = Shown(
            figsize=(WIDTH, sum(heights) + 0.6), dpi=SCREEN_DPI, layout="constrained",
            facecolor="white",
        )  # fmt: skip
        end = source if len(source) <= LONGEST else f"..{source[2 - LONGEST :]}"
        figure.suptitle(f"{run_name(results)}, from {end}", fontsize=9, parse_math=False)
        rows = figure.subfigures(len(answers), 1, height_ratios=heights, squeeze=False)[:, 0]
        for row, answer in zip(rows, answers, strict=True):
            _draw_row(row, answer, method)
        notices.stamp(figure, results)
    return figure


def _draw_row(row: SubFigure, answer: Answer, method: str) -> None:
    row.suptitle(f"malignant: probability {answer.probability:.2f}", fontsize=13, weight="bold")
    film, heat, both = row.subplots(1, 3)
    _draw_film(film, answer)
    said, highest = f"{method} of malignant", float(answer.heat.max())
    shown = heat.imshow(answer.heat / (highest or 1), cmap="inferno", vmin=0, vmax=1)
    _title(heat, said if highest else f"{said}:\nnothing speaks for it")
    bar = row.colorbar(shown, ax=heat, shrink=0.8, aspect=22, ticks=[0, 0.5, 1])
    bar.set_label("share of the map's maximum", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    both.imshow(overlay(answer.view, answer.heat, np.zeros(answer.view.shape, bool)))
    _title(both, "map over the view that was asked about")


def _draw_film(axes: Axes, answer: Answer) -> None:
    """The mammogram as it was given, and where the view is in it."""
    height, width = answer.image.shape
    factor = min(DRAWN / max(height, width), 1)
    small = (max(round(width * factor), 1), max(round(height * factor), 1))
    film = cv2.resize(answer.image, small, interpolation=cv2.INTER_AREA)
    axes.imshow(film, cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0))
    x0, y0, x1, y1 = answer.box
    axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=BOX, linewidth=1.5))
    axes.set(xlim=(min(x0, 0), max(x1, width)), ylim=(max(y1, height), min(y0, 0)))
    _title(axes, f"mammogram, {width} x {height} pixels,\nand the view cut out of it")


def _title(axes: Axes, title: str) -> None:
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=9, color=INK, parse_math=False)


def _ratio(view: np.ndarray) -> float:
    return min(max(view.shape[0] / view.shape[1], FLATTEST), TALLEST)
