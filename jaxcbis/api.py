"""The package from Python: a finished run's answers, arrays in and arrays out.

`import jaxcbis` offers what is here by name and loads it when it is first used.
"""

import os
import warnings
from pathlib import Path

import numpy as np

from jaxcbis.data import pictures
from jaxcbis.detection.mammograms import sweep
from jaxcbis.machine import backend
from jaxcbis.runs import finished
from jaxcbis.runs.answers import explain, predict
from jaxcbis.runs.export import export
from jaxcbis.runs.finished import Finished

__all__ = ["explain", "export", "load", "predict", "read_image", "sweep"]


def load(folder: Path | str) -> Finished:
    """Reads a finished run; the data it was trained on are not needed.

    JAX computes on a GPU where there is one, and keeps what it compiles for the next start, as the
    program does. Where JAX is at work already, it goes on as it is. The environment stays as it is.

    Raises:
      UserError: see `jaxcbis.runs.finished.load`.
    """
    if not backend.has_started():
        backend.start("auto")
    return finished.load(os.path.expanduser(folder))


def read_image(path: Path | str) -> np.ndarray:
    """Reads an image to grey pixels, uint8 [height, width].

    It is PNG, JPEG, TIFF, PGM, BMP, JPEG 2000, WebP or DICOM. What had to be assumed to read it, as
    the bits that it uses, is a warning.

    Raises:
      UserError: see `jaxcbis.data.pictures.read`.
    """
    pixels, notes = pictures.read(os.path.expanduser(path))
    for note in notes:
        warnings.warn(f"{path}: {note}", stacklevel=2)
    return pixels
