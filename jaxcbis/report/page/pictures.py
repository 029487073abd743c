"""Pictures as the page holds them: inside itself, with words for those who cannot see them."""

import base64
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxcbis.errors import UserError
from jaxcbis.labels import LABELS
from jaxcbis.report.figures import alternatives
from jaxcbis.report.figures.overlay import file_name
from jaxcbis.report.page.folder import Run

#: Of a figure that has all the room it wants.
PIXELS_PER_POINT = 1.6


class Picture(NamedTuple):
    """A picture as data URI, with its alternative text.

    Attributes:
      source: the data URI.
      alt: what is said instead of it.
      caption: the line below it.
      size: width and height in pixels of the page, where it has all the room it wants.
    """

    source: str
    alt: str
    caption: str = ""
    size: tuple[int, int] | None = None


def figures(run: Run) -> dict[str, Picture]:
    """A run's figures by name but the confusion matrix, which the page has as a table.

    They are drawn first where the folder lacks one.

    Raises:
      UserError: a figure cannot be read or written.
    """
    alts = alternatives.of(run.results, answers=run.answers is not None)
    paths = {name: run.folder / "figures" / f"{name}.svg" for name in alts}
    if not all(path.is_file() for path in paths.values()):
        from jaxcbis.report.figures import of_run  # here: drawing takes seconds to import

        of_run.write(run.folder, run.results, run.answers)
    covering = run.folder / "figures" / f"{alternatives.COVERING}.svg"
    if run.results.get("covering") and covering.is_file():
        alts[alternatives.COVERING] = alternatives.covering(run.results["covering"])
        paths[alternatives.COVERING] = covering
    return {
        name: of_svg(path.read_text("utf-8"), alts[name])
        for name, path in paths.items()
        if name != "confusion"
    }


def of_svg(text: str, alt: str) -> Picture:
    """A figure of `saving.svg` as an image, which shares no names and no styles with the page."""
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)
    assert box, "matplotlib tells the size of every figure"
    width, height = (round(float(side) * PIXELS_PER_POINT) for side in box.groups())
    return Picture(_source("svg+xml", text.encode()), alt, size=(width, height))


def of_png(path: Path, alt: str) -> Picture:
    """A PNG file as an image.

    Raises:
      UserError: it cannot be read.
    """
    try:
        return Picture(_source("png", path.read_bytes()), alt)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}; delete it") from error


def examples(run: Run) -> list[Picture]:
    """The overlays in the run's folder cams/ of patches that it has answers to."""
    if run.answers is None:
        return []
    of_file = {file_name(str(name)): k for k, name in enumerate(run.answers.ids)}
    paths = sorted((run.folder / "cams").glob("*.png"))
    return [_example(run, path, of_file[path.stem]) for path in paths if path.stem in of_file]


def _example(run: Run, path: Path, k: int) -> Picture:
    answers = run.answers
    assert answers is not None
    label, predicted = LABELS[answers.labels[k]], LABELS[answers.probabilities[k].argmax()]
    caption = f"{answers.ids[k]}: {label}, predicted {predicted}"
    if not np.isnan(answers.iou[k]):
        caption += f", IoU {answers.iou[k]:.2f}"
    alt = f"Test patch with class activation map and outline of the lesion mask, {caption}"
    return Picture(_source("png", path.read_bytes()), alt, caption)


def _source(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
