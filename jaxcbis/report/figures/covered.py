"""Test lesions as they are, covered, with as much covered elsewhere, and with their maps."""

from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from jaxcbis.data.patches import Patches, eight_bit
from jaxcbis.evaluation.covering import Answers
from jaxcbis.labels import BACKGROUND, LABELS
from jaxcbis.report.figures import alternatives, saving
from jaxcbis.report.figures.overlay import overlay
from jaxcbis.report.figures.style import SETTINGS

ROWS = 4
_COLUMNS = ("as it is", "lesion covered", "covered elsewhere", "map")


def write(
    folder: Path, test: Patches, maps: NDArray, intact: NDArray, covering: Answers, title: str
) -> None:
    """Writes figures/covering.png and .svg: a row for each of a few lesions.

    They are spread evenly from the lesion that lost most of its p(lesion) when it was covered to
    the one that lost least, so that neither successes nor failures are chosen.

    Args:
      folder: of the run.
      test: the test patches.
      maps: [n, g, g] of the predicted class, at least 0.
      intact: float64 [n, classes], probabilities of the patches as they are.
      covering: of at least one lesion.
      title: of the figure.

    Raises:
      UserError: a file cannot be written.
    """
    shown = _spread(intact[covering.images.items] - covering.covered)
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(8, 2.3 * len(shown) + 0.4), layout="constrained")
        figure.suptitle(title, fontsize=9, parse_math=False)
        panels = figure.subplots(len(shown), len(_COLUMNS), squeeze=False)
        for row, k in zip(panels, shown, strict=True):
            _row(row, k, test, maps, intact, covering)
        for axes, name in zip(panels[0], _COLUMNS, strict=True):
            axes.set_title(name, fontsize=9)
        saving.both(folder / "figures" / alternatives.COVERING, figure)


def _spread(gains: NDArray) -> list[int]:
    """Some of the lesions [k], given how much their probabilities [k, classes] fell."""
    order = np.argsort(gains[:, BACKGROUND], kind="stable")  # most first: p(background) rose
    places = np.linspace(0, len(order) - 1, min(ROWS, len(order))).round().astype(int)
    return order[places].tolist()


# Six parameters: what is drawn, and what is said of it.
def _row(
    row: NDArray, k: int, test: Patches, maps: NDArray, intact: NDArray, covering: Answers
) -> None:
    i = covering.images.items[k]
    image, mask = eight_bit(test.images[i]), test.masks[i]
    heat = cv2.resize(maps[i], mask.shape, interpolation=cv2.INTER_LINEAR)
    cold, nothing = np.zeros_like(heat), np.zeros_like(mask)
    hidden = (eight_bit(images[k]) for images in covering.images[1:])
    pictures = [
        overlay(image, cold, mask),
        *(overlay(each, cold, nothing) for each in hidden),
        overlay(image, heat, mask),
    ]
    told = (intact[i], covering.covered[k], covering.elsewhere[k])
    said = [f"p(lesion) {1 - of[BACKGROUND]:.2f}" for of in told]
    said.append(f"of {LABELS[intact[i].argmax()]}")
    for axes, picture, below in zip(row, pictures, said, strict=True):
        _panel(axes, picture, below)
    row[0].set_ylabel(f"{test.ids[i]}\n{LABELS[test.labels[i]]}", fontsize=6, parse_math=False)


def _panel(axes: Axes, picture: NDArray, below: str) -> None:
    axes.imshow(picture, interpolation="none")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_xlabel(below, fontsize=8)
