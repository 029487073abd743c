"""A few test patches with their maps: cams/, and figures/cams.png as the paper's Figure 7."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from jaxcbis.data.patches import Patches, eight_bit
from jaxcbis.errors import AGAIN
from jaxcbis.labels import LABELS
from jaxcbis.machine import files
from jaxcbis.records.predictions import Predictions
from jaxcbis.report.figures import saving
from jaxcbis.report.figures.overlay import as_png, file_name, overlay

_ADVICE = f"free space and {AGAIN}"


def write(folder: Path, test: Patches, maps: NDArray, answers: Predictions, title: str) -> None:
    """Writes cams/<id>.png of each class's surest hit and miss, and figures/cams.png.

    The latter shows each lesion class's correct answer whose map meets the mask best, and below it
    worst.

    Args:
      folder: of the run.
      test: the test patches.
      maps: [n, g, g] of the predicted class, at least 0.
      answers: to the patches, in their order.
      title: of figures/cams.png.

    Raises:
      UserError: a file cannot be written.
    """

    def drawn(i: int) -> NDArray[np.uint8]:
        size = test.masks.shape[1:]
        heat = cv2.resize(maps[i], size, interpolation=cv2.INTER_LINEAR)
        return overlay(eight_bit(test.images[i]), heat, test.masks[i])

    files.make_folder(folder / "cams", _ADVICE)
    for i in _surest(answers):
        path = folder / "cams" / f"{file_name(str(test.ids[i]))}.png"
        files.write(path, as_png(drawn(i)), _ADVICE)
    if not np.isnan(answers.iou).all():
        saving.png(folder / "figures" / "cams.png", _best_and_worst(answers, drawn, title))


def _surest(answers: Predictions) -> list[int]:
    predicted, confidence = answers.probabilities.argmax(1), answers.probabilities.max(1)
    shown = []
    for label in range(len(LABELS)):
        for hit in (True, False):
            members = np.flatnonzero((answers.labels == label) & ((predicted == label) == hit))
            if len(members):
                shown.append(int(members[confidence[members].argmax()]))
    return shown


def _best_and_worst(
    answers: Predictions, drawn: Callable[[int], NDArray[np.uint8]], title: str
) -> Figure:
    right = answers.probabilities.argmax(1) == answers.labels
    masked = ~np.isnan(answers.iou)
    columns = [k for k in range(len(LABELS)) if (masked & (answers.labels == k)).any()]
    ranked = [
        sorted(
            np.flatnonzero((answers.labels == k) & right & masked).tolist(),
            key=lambda i: -answers.iou[i],
        )
        for k in columns
    ]
    best = [items[0] if items else None for items in ranked]
    worst = [items[-1] if len(items) > 1 else None for items in ranked]
    titles = [
        LABELS[k] + ("\nnone" if i is None else f"\nIoU {answers.iou[i]:.2f}")
        for row in (best, worst)
        for k, i in zip(columns, row, strict=True)
    ]
    pictures = [None if i is None else drawn(i) for i in (*best, *worst)]
    return _arranged(pictures, titles, ("highest IoU", "lowest IoU"), title)


def _arranged(
    pictures: Sequence[NDArray | None], titles: Sequence[str], rows: Sequence[str], title: str
) -> Figure:
    """Overlays in the arrangement of the paper's Figure 7.

    Args:
      pictures: [S, S, 3] uint8, row by row; None leaves a gap.
      titles: of each picture.
      rows: what the rows show; as many pictures stand in each.
      title: of the figure.
    """
    columns = len(pictures) // len(rows)
    figure = Figure(figsize=(2.2 * columns, 2.8 * len(rows)), layout="constrained")
    figure.suptitle(title, fontsize=10, parse_math=False)
    panels = figure.subplots(len(rows), columns, squeeze=False)
    for axes, picture, above in zip(panels.ravel(), pictures, titles, strict=True):
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.set_title(above, fontsize=8, parse_math=False)
        if picture is not None:
            axes.imshow(picture)
    for axes, name in zip(panels[:, 0], rows, strict=True):
        axes.set_ylabel(name)
    return figure
