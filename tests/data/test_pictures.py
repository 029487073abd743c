"""Image files of every kind that a user may hold."""

import io

import cv2
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation, ExplicitVRLittleEndian

from jaxcbis.data import pictures
from jaxcbis.errors import UserError

GREY = np.add.outer(np.arange(40) * 3, np.arange(30) * 4).astype(np.uint8)


def save(path, pixels, **options):
    Image.fromarray(pixels).save(path, **options)
    return path


def dicom(path, stored, **attributes):
    """A DICOM file of pixels [height, width], 16 bit unless said."""
    file = Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    file.SOPInstanceUID = "1.2.3"
    file.Rows, file.Columns = stored.shape[-2:]
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated = file.BitsStored = 16
    file.HighBit, file.PixelRepresentation = 15, 0
    for name, value in attributes.items():
        setattr(file, name, value)
    file.PixelData = stored.tobytes()
    file.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_grey_png_of_any_mode(mode, tmp_path):
    path = tmp_path / "a.file"
    Image.fromarray(GREY).convert(mode).save(path, format="png")
    np.testing.assert_array_equal(pictures.read(path).pixels, GREY)


def test_jpeg_as_opencv_reads_it(tmp_path):
    for number, pixels in enumerate((GREY, np.dstack([GREY] * 3))):
        path = save(tmp_path / f"{number}.jpg", pixels, quality=90)
        theirs = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(int)
        assert np.abs(pictures.read(path).pixels - theirs).max() <= 2


def test_16_bit_png(tmp_path):
    whole, notes = pictures.read(save(tmp_path / "a.png", GREY.astype(np.uint16) * 257))
    np.testing.assert_array_equal(whole, GREY)
    assert not notes
    detector, notes = pictures.read(save(tmp_path / "b.png", GREY.astype(np.uint16) * 16))
    np.testing.assert_array_equal(detector, np.rint(GREY * 16.0 / 4095 * 255))
    assert "12 bit" in notes[0]


def test_dicom_bits_and_sign(tmp_path):
    stored = GREY.astype(np.uint16)
    assert (pictures.read(dicom(tmp_path / "a", stored * 257)).pixels == GREY).all()
    twelve = dicom(tmp_path / "b", stored * 16, BitsStored=12, HighBit=11)
    assert (pictures.read(twelve).pixels == np.rint(GREY * 16.0 / 4095 * 255)).all()
    signed = (stored * 257.0 - 32768).astype(np.int16)
    assert (
        pictures.read(dicom(tmp_path / "c", signed, PixelRepresentation=1)).pixels == GREY
    ).all()


def test_dicom_monochrome1_is_inverted(tmp_path):
    path = dicom(
        tmp_path / "a", GREY.astype(np.uint16) * 257, PhotometricInterpretation="MONOCHROME1"
    )
    np.testing.assert_array_equal(pictures.read(path).pixels, 255 - GREY)


@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (2, -500)])
def test_dicom_window_and_rescale(slope, intercept, tmp_path):
    """DICOM PS3.3 C.11.2.1.2: a linear window from 500 to 1500 of rescaled values."""
    stored = np.linspace(0, 1500, 1200).reshape(40, 30).astype(np.uint16)
    path = dicom(
        tmp_path / "a", stored, RescaleSlope=slope, RescaleIntercept=intercept,
        WindowCenter=1000, WindowWidth=1001,
    )  # fmt: skip
    values = stored * float(slope) + intercept
    expected = np.clip((values - 499.5) / 1000, 0, 1) * 255
    assert np.abs(pictures.read(path).pixels - expected).max() <= 0.51


def truncated(path, data, share=0.6):
    path.write_bytes(data[: int(len(data) * share)])
    return path


def encoded(pixels, kind):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format=kind)
    return file.getvalue()


def test_what_cannot_be_used_gets_one_line(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    colour = np.dstack([GREY, GREY, 255 - GREY])
    stored = GREY.astype(np.uint16)
    cut = dicom(tmp_path / "whole.dcm", stored).read_bytes()
    clear = np.dstack([GREY] * 3 + [np.full_like(GREY, 128)])
    for path, said in {
        tmp_path / "nowhere.png": "No such file",
        truncated(tmp_path / "a.png", encoded(noise, "png")): "damaged",
        truncated(tmp_path / "a.jpg", encoded(noise, "jpeg")): "damaged",
        truncated(tmp_path / "a.dcm", cut, 0.9): "cannot read this DICOM",
        truncated(tmp_path / "text.png", b"hello, this is text" * 20, 1): "not an image",
        truncated(tmp_path / "empty.png", b""): "an empty file",
        truncated(tmp_path / "a.gif", encoded(noise, "gif"), 1): "is a GIF",
        save(tmp_path / "colour.png", colour): "a colour image",
        save(tmp_path / "clear.png", clear): "transparent",
        save(tmp_path / "small.png", GREY[:7]): "30 x 7 pixels",
        dicom(tmp_path / "many.dcm", np.stack([stored] * 3), NumberOfFrames=3): "3 frames",
        dicom(tmp_path / "p.dcm", stored, PhotometricInterpretation="PALETTE COLOR"): "PALETTE",
    }.items():
        with pytest.raises(UserError, match=said) as caught:
            pictures.read(path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)


def test_dicom_as_pydicom_writes_it_is_found_by_content(tmp_path):
    path = dicom(tmp_path / "image.png", GREY.astype(np.uint16))
    assert pydicom.dcmread(path).Rows == 40
    assert pictures.read(path).pixels.shape == GREY.shape


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["a.png", "b.png", "list.csv", ".hidden", ".other", ".more"], "/*.png"),
        (["1.2.840/1-1.dcm"], "/*/*.dcm"),
        (["IM0001"], "/*"),
        ([], "no file is in it"),
    ],
)
def test_a_folder_is_told_with_how_to_name_its_files(tmp_path, files, said):
    folder = tmp_path / "my images"
    folder.mkdir()
    for name in files:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    with pytest.raises(UserError) as caught:
        pictures.read(folder)
    given = f"give its files, '{folder}'{said}" if files else said
    assert str(caught.value) == f"{folder}: is a folder; {given}"
