"""Patches, what a run says of them and where it looks: three panels each, fit to be shown."""

import io
from collections.abc import Sequence
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from jaxcbis.labels import LABELS
from jaxcbis.report.figures import notices
from jaxcbis.report.figures.overlay import over
from jaxcbis.report.figures.style import INK, SETTINGS
from jaxcbis.report.tables import run_name

#: Inches and pixels per inch: a picture is 1350 pixels wide in a file, 900 on a screen.
WIDTH = 9
SCREEN_DPI, FILE_DPI = 100, 150
#: Height of a panel by its width; a longer patch leaves room at its sides.
FLATTEST, TALLEST = 0.5, 1.4


class Shown(Figure):
    """A figure that a notebook shows although pyplot, which would keep every figure, made none."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


class Answer(NamedTuple):
    """What a run says of one patch.

    Attributes:
      image: uint8 [height, width], the patch.
      probabilities: float64 [classes], in the order of LABELS.
      heat: float32 [size, size], the map, at least 0.
      target: index of the class that the map is of.
    """

    image: np.ndarray
    probabilities: np.ndarray
    heat: np.ndarray
    target: int


def draw(answers: Sequence[Answer], results: dict, method: str, source: str) -> Figure:
    """Draws each patch, its map with a colour bar, and the map over the patch.

    Args:
      answers: a row of panels each.
      results: content of the run's results.json.
      method: name of the maps' method, such as 'Grad-CAM'.
      source: the run's folder, which is named beside the run.

    Returns:
      A figure at least 900 pixels wide; `savefig(dpi=FILE_DPI)` is how the program keeps it.
    """
    heights = [1.0 + 2.7 * _ratio(answer.image) for answer in answers]
    with mpl.rc_context(SETTINGS):
        figure = Shown(
            figsize=(WIDTH, sum(heights) + 0.6), dpi=SCREEN_DPI, layout="constrained",
            facecolor="white",
        )  # fmt: skip
        figure.suptitle(named(results, source), fontsize=9, parse_math=False)
        rows = figure.subfigures(len(answers), 1, height_ratios=heights, squeeze=False)[:, 0]
        for row, answer in zip(rows, answers, strict=True):
            _draw_row(row, answer, method)
        notices.stamp(figure, results)
    return figure


def named(results: dict, source: str, most: int = 60) -> str:
    """The run in a few words and its folder, of a long path the end.

    Args:
      results: content of the run's results.json.
      source: the run's folder.
      most: characters of the folder.
    """
    end = source if len(source) <= most else f"..{source[2 - most :]}"
    return f"{run_name(results)}, from {end}"


def _draw_row(row: SubFigure, answer: Answer, method: str) -> None:
    best = int(answer.probabilities.argmax())
    height, width = answer.image.shape
    row.suptitle(f"{LABELS[best]}: probability {answer.probabilities[best]:.2f}",
                 fontsize=13, weight="bold")  # fmt: skip
    patch, heat, both = row.subplots(1, 3)
    said = f"{method} of {LABELS[answer.target]}"
    if answer.target != best:
        said += f", probability {answer.probabilities[answer.target]:.2f}"
    extent = (0, width, height, 0)  # so that a small patch and its finer overlay agree
    patch.imshow(answer.image, cmap="gray", vmin=0, vmax=255, extent=extent)
    _name(patch, f"patch, {width} x {height} pixels")
    highest = float(answer.heat.max())
    shown = heat.imshow(
        answer.heat / (highest or 1), cmap="inferno", vmin=0, vmax=1, extent=extent,
        interpolation="bilinear",
    )  # fmt: skip
    _name(heat, said if highest else f"{said}:\nnothing speaks for it")
    bar = row.colorbar(shown, ax=heat, shrink=0.8, aspect=22, ticks=[0, 0.5, 1])
    bar.set_label("share of the map's maximum", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    both.imshow(over(answer.image, answer.heat), extent=extent)
    _name(both, "map over the patch")


def _name(axes: Axes, title: str) -> None:
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=9, color=INK, parse_math=False)


def _ratio(image: np.ndarray) -> float:
    return min(max(image.shape[0] / image.shape[1], FLATTEST), TALLEST)
