"""Patches, what a run says of them and where it looks: three panels each, fit to be shown."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

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
    ratios = [ratio(answer.image, FLATTEST, TALLEST) for answer in answers]
    with in_rows(named(results, source), ratios, results) as (figure, rows):
        for row, answer in zip(rows, answers, strict=True):
            _draw_row(row, answer, method)
    return figure


@contextmanager
def in_rows(
    heading: str, ratios: Sequence[float], results: dict
) -> Iterator[tuple[Shown, Sequence[SubFigure]]]:
    """A figure with a row of panels for each answer, which is drawn within it.

    Args:
      heading: above all rows.
      ratios: of each row, the height of a panel by its width.
      results: content of the run's results.json, whose notices are stamped on it in the end.
    """
    heights = [1.0 + 2.7 * each for each in ratios]
    with mpl.rc_context(SETTINGS):
        figure = Shown(
            figsize=(WIDTH, sum(heights) + 0.6), dpi=SCREEN_DPI, layout="constrained",
            facecolor="white",
        )  # fmt: skip
        figure.suptitle(heading, fontsize=9, parse_math=False)
        rows = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
        yield figure, rows.tolist()
        notices.stamp(figure, results)


def named(results: dict, source: str, most: int = 60) -> str:
    """The run in a few words and its folder, of a long path the end.

    Args:
      results: content of the run's results.json.
      source: the run's folder.
      most: characters of the folder.
    """
    return placed(run_name(results), source, most)


def placed(name: str, source: str, most: int = 60) -> str:
    """The name of a run and its folder, of a long path the end; arguments as of `named`."""
    end = source if len(source) <= most else f"..{source[2 - most :]}"
    return f"{name}, from {end}"


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
    name(patch, f"patch, {width} x {height} pixels")
    draw_map(row, heat, answer.heat, said, extent=extent, interpolation="bilinear")
    both.imshow(over(answer.image, answer.heat), extent=extent)
    name(both, "map over the patch")


def draw_map(row: SubFigure, axes: Axes, heat: np.ndarray, said: str, **how: Any) -> None:
    """Draws a map over its maximum, with a colour bar.

    Args:
      row: that the axes are in.
      axes: to draw on.
      heat: float32 [height, width], at least 0.
      said: what it is of.
      **how: of `Axes.imshow`.
    """
    highest = float(heat.max())
    shown = axes.imshow(heat / (highest or 1), cmap="inferno", vmin=0, vmax=1, **how)
    name(axes, said if highest else f"{said}:\nnothing speaks for it")
    bar = row.colorbar(shown, ax=axes, shrink=0.8, aspect=22, ticks=[0, 0.5, 1])
    bar.set_label("share of the map's maximum", fontsize=8)
    bar.ax.tick_params(labelsize=8)


def name(axes: Axes, title: str) -> None:
    """Puts a title above a picture, and no scale beside it."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=9, color=INK, parse_math=False)


def ratio(image: np.ndarray, flattest: float, tallest: float) -> float:
    """Height of a panel by its width: that of the image [height, width], within bounds."""
    return min(max(image.shape[0] / image.shape[1], flattest), tallest)
