"""Image files, PNG, JPEG or DICOM, to the grey pixels of 8 bit that the models are trained on."""

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from jaxcbis.errors import UserError
from jaxcbis.machine import packages

#: A picture with a shorter side in pixels than this shows nothing.
SMALLEST = 8
#: Channels that differ by more than this are colour; in a grey JPEG they may differ a little.
COLOUR = 16
#: 16-bit files often hold 12 bit, as detectors deliver them.
DETECTOR_LEVELS = 2**12


class Picture(NamedTuple):
    """A grey picture.

    Attributes:
      pixels: uint8 [height, width], bright is dense.
      notes: what had to be assumed to read it.
    """

    pixels: np.ndarray
    notes: list[str]


def read(path: Path | str) -> Picture:
    """Reads a PNG, JPEG or DICOM file, told apart by content.

    Of 16 bit the whole range becomes 0 to 255, or that of 12 bit where no pixel is brighter. Of a
    DICOM file the rescale, its lookup table or first window and MONOCHROME1 are applied.

    Raises:
      UserError: the file is absent, damaged, of another kind, in colour, of several frames or
        smaller than `SMALLEST`.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {error.strerror or error}; expected a PNG, JPEG or DICOM image"
        ) from error
    # As `tfds_cbis.release.dicom.is_dicom`, whose package would load TFDS.
    picture = (_read_dicom if data[128:132] == b"DICM" else _read_common)(path, data)
    height, width = picture.pixels.shape
    if min(height, width) < SMALLEST:
        raise UserError(
            f"{path}: {width} x {height} pixels, expected at least {SMALLEST} x {SMALLEST}"
        )
    return picture


def _read_common(path: Path, data: bytes) -> Picture:
    try:
        image = Image.open(io.BytesIO(data), formats=("PNG", "JPEG"))
        image.load()
    except UnidentifiedImageError as error:
        raise UserError(f"{path}: not an image; expected PNG, JPEG or DICOM") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: damaged image ({error}); get the file again") from error
    if image.mode.startswith("I"):  # 16 bit grey
        pixels, notes = _scaled(np.asarray(image).astype(np.float64), 2**16 - 1)
        return Picture(pixels, notes)
    *colours, opacity = np.moveaxis(np.asarray(image.convert("RGBA"), np.int16), -1, 0)
    if opacity.min() < 255:
        raise UserError(f"{path}: has transparent pixels; save it as plain grey")
    spread = int(np.ptp(colours, axis=0).max())
    if spread > COLOUR:
        raise UserError(
            f"{path}: a colour image (its channels differ by up to {spread} of 255); a mammogram "
            "is grey: save it without colours and marks"
        )
    return Picture(np.asarray(image.convert("RGB").convert("L")), [])


def _read_dicom(path: Path, data: bytes) -> Picture:
    packages.require("a DICOM file", "pydicom")
    from tfds_cbis.release import dicom  # here: other files need none of it

    try:
        grey = dicom.read(data)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    shifted = grey.values.astype(np.float64) - grey.lowest
    pixels, notes = _scaled(shifted, grey.highest - grey.lowest, whole=grey.windowed)
    return Picture(255 - pixels if grey.inverted else pixels, notes)


def _scaled(
    values: np.ndarray, highest: float, whole: bool = False
) -> tuple[np.ndarray, list[str]]:
    """Brings 0 to `highest` to 8 bit, and says what it took for the range."""
    notes = []
    if not whole and highest >= DETECTOR_LEVELS and values.max() < DETECTOR_LEVELS:
        highest = DETECTOR_LEVELS - 1
        notes.append(f"taken as 12 bit: no pixel is brighter than {int(values.max())}")
    return np.rint(np.clip(values / highest, 0, 1) * 255).astype(np.uint8), notes
