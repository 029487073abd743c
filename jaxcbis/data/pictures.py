"""Image files to the grey pixels of 8 bit that a finished run is asked about."""

import os
import shlex
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxcbis.data.patches import eight_bit
from jaxcbis.data.prepared import user_errors
from jaxcbis.errors import UserError, not_read

#: A picture with a shorter side in pixels than this shows nothing.
SMALLEST = 8


class Picture(NamedTuple):
    """A grey picture.

    Attributes:
      pixels: uint8 [height, width], bright is dense.
      notes: what had to be assumed to read it.
    """

    pixels: np.ndarray
    notes: list[str]


def read(path: Path | str) -> Picture:
    """Reads a picture as a release's are read, told apart by content.

    It is PNG, JPEG, TIFF, PGM, BMP, JPEG 2000, WebP or DICOM; see `tfds_cbis.release.pictures`.

    Raises:
      UserError: the file is absent (a MissingFileError), damaged, of another kind, in colour, of
        several frames or smaller than `SMALLEST`.
    """
    from tfds_cbis.release import pictures  # here: its package loads TFDS

    path = Path(path)
    try:
        data = path.read_bytes()
    except IsADirectoryError as error:
        raise UserError(f"{path}: is a folder; {_inside(path)}") from error
    except OSError as error:
        raise not_read(error)(
            f"{path}: cannot be read, {error.strerror or error}; expected an image, "
            f"{pictures.KINDS}"
        ) from error
    try:
        with user_errors():
            pixels, notes = pictures.read(data)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    height, width = pixels.shape
    if min(height, width) < SMALLEST:
        raise UserError(
            f"{path}: {width} x {height} pixels, expected at least {SMALLEST} x {SMALLEST}"
        )
    return Picture(eight_bit(pixels), notes)


def _inside(folder: Path) -> str:
    """How to name the files of a folder, or of those in it, by the suffix that most have."""
    for parent, _, names in os.walk(folder):
        suffixes = Counter(Path(name).suffix for name in names if not name.startswith("."))
        if suffixes:
            (suffix, _), *_ = suffixes.most_common(1)
            levels = "*/" * len(Path(parent).relative_to(folder).parts)
            return f"give its files, {shlex.quote(str(folder))}/{levels}*{suffix}"
    return "no file is in it"
