"""The picture of an answer: a map over a patch."""

import io
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure

from jaxcbis.machine import files
from jaxcbis.report.figures import figures


def write_map(path: Path, image: np.ndarray, heat: np.ndarray) -> None:
    """Lays a class activation map over a patch.

    Args:
      path: of the PNG file.
      image: uint8 [height, width]; drawn in its own shape, enlarged to the map's size if smaller.
      heat: float32 [size, size], at least 0.

    Raises:
      UserError: the file cannot be written.
    """
    factor = max(len(heat) / min(image.shape), 1)
    size = round(image.shape[1] * factor), round(image.shape[0] * factor)
    shown = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    stretched = cv2.resize(heat, size, interpolation=cv2.INTER_LINEAR)
    picture = figures.overlay(shown, stretched, np.zeros(shown.shape, bool))
    _write(path, cv2.imencode(".png", picture[..., ::-1])[1].tobytes())


def write(path: Path, figure: Figure) -> None:
    """Writes a figure as a PNG file.

    Raises:
      UserError: the file cannot be written.
    """
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=figures.DPI)
    _write(path, file.getvalue())


def _write(path: Path, data: bytes) -> None:
    files.make_folder(path.parent)
    files.write(path, data)
