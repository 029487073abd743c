"""Mammograms, what a run says of them and where it looks: three panels each, fit to be shown."""

from collections.abc import Sequence

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle

from jaxcbis.mammograms.explanation import Answer, doubt
from jaxcbis.mammograms.page.answer import run_name
from jaxcbis.report.figures import explained
from jaxcbis.report.figures.overlay import overlay

#: A mammogram is drawn with at most this many pixels on its longer side.
DRAWN = 1200
#: Height of a panel by its width.
FLATTEST, TALLEST = 0.6, 2.0
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
    heading = explained.placed(run_name(results), source)
    ratios = [explained.ratio(answer.view, FLATTEST, TALLEST) for answer in answers]
    with explained.in_rows(heading, ratios, results) as (figure, rows):
        for row, answer in zip(rows, answers, strict=True):
            _draw_row(row, answer, method)
    return figure


def _draw_row(row: SubFigure, answer: Answer, method: str) -> None:
    said = f"malignant: probability {answer.probability:.2f}"
    if answer.note:
        said += f"\n{doubt(answer.note)}"
    row.suptitle(said, fontsize=13, weight="bold")
    film, heat, both = row.subplots(1, 3)
    _draw_film(film, answer)
    explained.draw_map(row, heat, answer.heat, f"{method} of malignant")
    both.imshow(overlay(answer.view, answer.heat, np.zeros(answer.view.shape, bool)))
    explained.name(both, "map over the view that was asked about")


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
    explained.name(
        axes, f"mammogram, {width} x {height} pixels,\nand the view cut out of it, padded"
    )
