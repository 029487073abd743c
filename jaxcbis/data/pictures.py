"""Image files to the grey pixels of 8 bit that a finished run is asked about."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxcbis.data.patches import eight_bit
from jaxcbis.data.prepared import user_errors
from jaxcbis.errors import UserError

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
      UserError: the file is absent, damaged, of another kind, in colour, of several frames or
        smaller than `SMALLEST`.
    """
    from tfds_cbis.release import pictures  # here: its package loads TFDS

    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {error.strerror or error}; expected an image, {pictures.KINDS}"
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
