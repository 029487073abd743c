"""DICOM files to grey pixels, and grey pixels of 16 bit to those of 8."""

import io
from importlib.util import find_spec
from typing import NamedTuple

import cv2
import numpy as np

from tfds_cbis.errors import CbisError

#: More pixels than any mammogram has; a damaged header may tell of billions.
MAX_PIXELS = 100_000_000
#: The top of 16 bit, and what of it makes a level of 8 bit.
HIGHEST = 2**16 - 1
STEP = HIGHEST // 255


class Grey(NamedTuple):
    """The pixels of a DICOM file, with the rescale and its lookup table or first window applied.

    Attributes:
      values: [height, width], of any number type.
      lowest, highest: that a pixel of such a file can be.
      windowed: whether the file says what part of its range is to be shown.
      inverted: whether bright is low: MONOCHROME1.
    """

    values: np.ndarray
    lowest: float
    highest: float
    windowed: bool
    inverted: bool


def require_pydicom(what: str) -> None:
    """Checks that pydicom is installed, which `what` needs.

    Raises:
      CbisError: it is not.
    """
    if find_spec("pydicom") is None:
        raise CbisError(f"{what} needs what is not installed: pip install pydicom")


def is_dicom(data: bytes) -> bool:
    """Whether a file's bytes begin as DICOM files do."""
    return data[128:132] == b"DICM"


def read(data: bytes) -> Grey:
    """Reads a DICOM file of one grey frame.

    Raises:
      ValueError: with one line, if it is damaged, of another kind, or compressed in a way that no
        installed library decodes.
      CbisError: pydicom is not installed.
    """
    require_pydicom("a DICOM file")
    import pydicom  # here: the Kaggle release needs none of it
    from pydicom.pixels import apply_modality_lut, apply_voi_lut, get_decoder

    try:
        dataset = pydicom.dcmread(io.BytesIO(data))
        frames = int(dataset.get("NumberOfFrames") or 1)
        kind = str(dataset.get("PhotometricInterpretation"))
        size = int(dataset.Rows) * int(dataset.Columns)
        syntax = dataset.file_meta.TransferSyntaxUID
        decodes = not syntax.is_encapsulated or get_decoder(syntax).is_available
        if fits := frames == 1 and kind.startswith("MONOCHROME") and size <= MAX_PIXELS and decodes:
            stored = dataset.pixel_array
            lowest, highest = _range(dataset)
            values = apply_voi_lut(apply_modality_lut(stored, dataset), dataset)
    except Exception as error:  # a damaged file raises many kinds
        reason = str(error).strip().splitlines()
        raise ValueError(
            f"cannot read this DICOM file ({reason[0] if reason else type(error).__name__}); "
            "get it again or, where it is compressed, convert it to PNG"
        ) from error
    if fits:
        windowed = "VOILUTSequence" in dataset or "WindowCenter" in dataset
        return Grey(values, lowest, highest, windowed, kind == "MONOCHROME1")
    if frames > 1:
        raise ValueError(f"has {frames} frames, expected one; give one frame as an image")
    if not kind.startswith("MONOCHROME"):
        raise ValueError(f"its pixels are {kind}, expected MONOCHROME1 or MONOCHROME2")
    if size > MAX_PIXELS:
        raise ValueError(f"{dataset.Columns} x {dataset.Rows} pixels, more than any mammogram has")
    raise ValueError(f"is compressed as {syntax.name}; pip install python-gdcm to read it")


def sixteen_bit(grey: Grey) -> np.ndarray:
    """Stretches the range of a file to that of uint16 [height, width]; bright is dense.

    A file of 16 bit without a window keeps its values.
    """
    values = grey.values
    if values.dtype == np.uint8 and (grey.lowest, grey.highest) == (0, 255):
        values = values.astype(np.uint16) * np.uint16(STEP)  # the same, in less memory
    elif values.dtype != np.uint16 or (grey.lowest, grey.highest) != (0, HIGHEST):
        share = (values.astype(np.float64) - grey.lowest) / (grey.highest - grey.lowest)
        values = np.rint(share.clip(0, 1) * HIGHEST).astype(np.uint16)
    return HIGHEST - values if grey.inverted else values


def eight_bit(image: np.ndarray) -> np.ndarray:
    """Rounds a uint16 image [height, width] to uint8; one of 8 bit stays as it is."""
    return image if image.dtype == np.uint8 else cv2.convertScaleAbs(image, alpha=1 / STEP)


def _range(dataset) -> tuple[float, float]:
    """The lowest and the highest value that a DICOM file's pixels can take, as it is displayed."""
    if "VOILUTSequence" in dataset:
        return 0, 2 ** dataset.VOILUTSequence[0].LUTDescriptor[2] - 1
    if "ModalityLUTSequence" in dataset:
        return 0, 2 ** dataset.ModalityLUTSequence[0].LUTDescriptor[2] - 1
    levels = 2**dataset.BitsStored
    lowest = -levels // 2 if dataset.PixelRepresentation else 0
    slope = float(dataset.get("RescaleSlope", 1))
    intercept = float(dataset.get("RescaleIntercept", 0))
    ends = (lowest * slope + intercept, (lowest + levels - 1) * slope + intercept)
    return min(ends), max(ends)
