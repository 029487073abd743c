"""DICOM files of one oddity each, in memory."""

import io

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation, ExplicitVRLittleEndian


def encode(stored: np.ndarray, *, without: tuple[str, ...] = (), **attributes) -> bytes:
    """A file of pixels [height, width] or [height, width, 3], of all bits of their type."""
    file = Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    file.SOPInstanceUID = file.SeriesInstanceUID = "1.2.3"
    file.Rows, file.Columns = stored.shape[:2]
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    if stored.ndim == 3:
        file.SamplesPerPixel, file.PhotometricInterpretation = 3, "RGB"
        file.PlanarConfiguration = 0
    file.BitsAllocated = file.BitsStored = 8 * stored.itemsize
    file.PixelRepresentation = int(stored.dtype.kind == "i")
    file.PixelData = stored.tobytes()
    for name, value in attributes.items():
        setattr(file, name, value)
    if "HighBit" not in attributes and file.BitsStored:
        file.HighBit = file.BitsStored - 1
    for name in without:
        delattr(file, name)
    return written(file)


def written(file: Dataset) -> bytes:
    """A dataset's bytes, with preamble and meta header."""
    buffer = io.BytesIO()
    file.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def table(entries, bits: int, first: int = 0) -> Dataset:
    """An item of a lookup table sequence."""
    item = Dataset()
    item.LUTDescriptor = [len(entries) % 2**16, first, bits]
    item.LUTData = np.asarray(entries, "<u2").tobytes()
    item["LUTData"].VR, item["LUTDescriptor"].VR = "OW", "US"
    return item
