"""DICOM files as archives hold them: empty and broken elements, bare files, no pictures."""

import io
import logging
import os
import subprocess
import sys
import threading
import warnings
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    MPEG4HP41,
    BasicTextSRStorage,
    DigitalMammographyXRayImageStorageForProcessing,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEGExtended12Bit,
)

from tests.tfds_cbis.dicom_file import encode, table, written
from tfds_cbis.release import dicom, dicom_display, dicom_index
from tfds_cbis.release.depth import eight_bit
from tfds_cbis.release.heard import heard
from tfds_cbis.release.stores import Folder

#: Of 12 bit.
STORED = np.linspace(300, 3900, 40 * 30).reshape(40, 30).round().astype(np.uint16)
PLAIN = {"BitsStored": 12}
#: From 0 to 255, by BitsStored alone.
RIGHT = np.rint(STORED / 4095 * 255)
WINDOW = {"WindowCenter": 2048, "WindowWidth": 1001}
#: DICOM PS3.3 C.11.2.1.2.1.
WINDOWED = np.rint(((STORED - 2047.5) / 1000 + 0.5).clip(0, 1) * 255)


def read(data):
    pixels, notes = dicom.read(data)
    return eight_bit(pixels), notes


@pytest.mark.parametrize(
    "empty",
    ["RescaleSlope", "RescaleIntercept", "WindowWidth", "WindowCenter", "VOILUTFunction",
     "VOILUTSequence", "ModalityLUTSequence", "NumberOfFrames", "PresentationIntentType"],
)  # fmt: skip
def test_an_empty_element_counts_as_absent(empty):
    pixels, notes = read(encode(STORED, **PLAIN, **{empty: None}))
    np.testing.assert_array_equal(pixels, RIGHT)
    assert notes == []


@pytest.mark.parametrize("item", [Dataset(), table([], 12), table(range(9), 12), table([0], 40)])
@pytest.mark.parametrize("name", ["VOILUTSequence", "ModalityLUTSequence"])
def test_a_broken_table_falls_back_to_the_window(name, item):
    if "LUTDescriptor" in item:
        item.LUTDescriptor = [4096, *item.LUTDescriptor[1:]]
    pixels, notes = read(encode(STORED, **PLAIN, **WINDOW, **{name: Sequence([item])}))
    np.testing.assert_array_equal(pixels, WINDOWED)
    assert notes == [f"its {name} is empty or broken: left out"]


@pytest.mark.parametrize(
    ("attributes", "note"),
    [
        ({"RescaleSlope": 0, "RescaleIntercept": 7}, "RescaleSlope is 0"),
        ({"WindowCenter": 2048}, "a centre or a width alone"),
        ({"WindowCenter": 2048, "WindowWidth": 0}, "WindowWidth is 0"),
        ({"WindowCenter": 2048, "WindowWidth": -400}, "WindowWidth is -400"),
        ({"WindowCenter": 5, "WindowWidth": 0, "VOILUTFunction": "SIGMOID"}, "WindowWidth is 0"),
    ],
)
def test_what_makes_no_sense_is_left_out_with_a_note(attributes, note):
    pixels, notes = read(encode(STORED, **PLAIN, **attributes))
    np.testing.assert_array_equal(pixels, RIGHT)
    assert len(notes) == 1
    assert note in notes[0]


@pytest.mark.parametrize(
    ("function", "notes", "expected"),
    [
        ("LINEAR", 0, WINDOWED),
        ("NONE", 1, WINDOWED),
        ("LINEAR_EXACT", 0, ((STORED - 2048.0) / 1001 + 0.5).clip(0, 1) * 255),
        ("SIGMOID", 0, 255 / (1 + np.exp(-4 * (STORED - 2048.0) / 1001))),
    ],
)
def test_window_functions(function, notes, expected):
    pixels, said = read(encode(STORED, **PLAIN, **WINDOW, VOILUTFunction=function))
    assert np.abs(pixels - expected).max() <= 0.51
    assert len(said) == notes


@pytest.mark.parametrize("group", dicom_display.GROUPS)
def test_the_window_and_rescale_of_an_enhanced_object(group):
    """Breast projections and slices keep them in functional groups."""
    rescale, window, functional = Dataset(), Dataset(), Dataset()
    rescale.RescaleSlope, rescale.RescaleIntercept = 2, -100
    window.WindowCenter, window.WindowWidth = 3996, 2001
    functional.PixelValueTransformationSequence = [rescale]
    functional.FrameVOILUTSequence = [window]
    pixels, notes = read(encode(STORED, **PLAIN, **{group: [functional]}))
    right = ((2 * STORED - 4095.5) / 2000 + 0.5).clip(0, 1) * 255
    assert np.abs(pixels - right).max() <= 0.51
    assert notes == []
    empty = encode(STORED, **PLAIN, **{group: [Dataset()]})
    np.testing.assert_array_equal(read(empty)[0], RIGHT)


def test_grey_in_the_channels_of_colour():
    """Screenshots and secondary captures."""
    grey = RIGHT.astype(np.uint8)
    np.testing.assert_array_equal(read(encode(np.dstack([grey] * 3)))[0], grey)
    whites = encode(np.dstack([np.full_like(grey, 255), *[np.full_like(grey, 128)] * 2]),
                    PhotometricInterpretation="YBR_FULL")  # fmt: skip
    np.testing.assert_array_equal(read(whites)[0], 255)
    assert "a colour image" in refusal(encode(np.dstack([grey, grey, grey[::-1]])))
    palette = encode(grey, PhotometricInterpretation="PALETTE COLOR")
    assert "PALETTE COLOR" in refusal(palette)
    assert refusal(palette).endswith("convert it to PNG")


def test_of_several_windows_the_first_counts():
    several = {"WindowCenter": [2048, 9], "WindowWidth": [1001, 9]}
    np.testing.assert_array_equal(read(encode(STORED, **PLAIN, **several))[0], WINDOWED)


@pytest.mark.parametrize("rescale", [{}, {"RescaleSlope": 1, "RescaleIntercept": 0}])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_a_lookup_table_of_any_depth(bits, rescale, recwarn):
    """Also of 4096 entries and 8 bit, which a table of bytes as index would fold up."""
    entries = np.rint(np.sqrt(np.arange(4096) / 4095) * (2**bits - 1))
    pixels, notes = read(
        encode(STORED, **PLAIN, **WINDOW, **rescale, VOILUTSequence=[table(entries, bits)])
    )
    np.testing.assert_array_equal(pixels, np.rint(entries[STORED] / (2**bits - 1) * 255))
    assert notes == []
    assert len(recwarn) == 0


def test_a_lookup_table_that_begins_late_and_ends_early():
    pixels, _ = read(encode(STORED, **PLAIN, VOILUTSequence=[table([0, 50, 100, 255], 8, 2000)]))
    index = (STORED.astype(int) - 2000).clip(0, 3)
    np.testing.assert_array_equal(pixels, np.array([0, 50, 100, 255])[index])


@pytest.mark.parametrize(("told", "bits"), [(16, 8), (16, 10), (16, 12), (12, 8), (8, 12)])
@pytest.mark.parametrize("name", ["VOILUTSequence", "ModalityLUTSequence"])
def test_a_table_whose_descriptor_tells_of_its_container(name, told, bits):
    """Of 16 bit, as some computed radiography writes it, or of fewer than its entries need."""
    entries = np.rint(np.sqrt(np.arange(4096) / 4095) * (2**bits - 1))
    pixels, notes = read(encode(STORED, **PLAIN, **{name: [table(entries, told)]}))
    taken = bits if told in (8, 16) else told
    np.testing.assert_array_equal(pixels, np.rint(entries[STORED] / (2**taken - 1) * 255))
    said = f"its {name} is taken as {bits} bit: no pixel is brighter than {2**bits - 1}"
    assert notes == [said] * (taken != told)


@pytest.mark.parametrize("bits", [12, 13, 16])
def test_signed_without_a_negative_pixel_is_as_unsigned(bits):
    pixels, notes = read(encode(STORED.astype(np.int16), BitsStored=bits))
    np.testing.assert_array_equal(pixels, RIGHT)
    (note,) = notes
    assert note.startswith("signed without a negative pixel")
    assert "taken as 12 bit" in note


@pytest.mark.parametrize("bits", [12, 13])
def test_a_dark_signed_patch_has_the_range_of_its_mammogram(bits):
    pixels, _ = read(encode((STORED // 3).astype(np.int16), BitsStored=bits))
    np.testing.assert_array_equal(pixels, np.rint(STORED // 3 / 4095 * 255))


def test_signed_with_negative_pixels():
    pixels, notes = read(encode(STORED.astype(np.int16) - 2048, **PLAIN))
    np.testing.assert_array_equal(pixels, RIGHT)
    assert notes == []


def test_more_or_less_bits_than_a_file_tells_of_are_said():
    pixels, notes = read(encode(STORED))
    np.testing.assert_array_equal(pixels, np.rint(STORED / 65535 * 255))
    assert notes == ["taken as 16 bit as it tells; dark: no pixel is brighter than 3900"]
    pixels, notes = read(encode(STORED, BitsStored=10))
    np.testing.assert_array_equal(pixels, RIGHT)
    assert "do not fit the 10 bit that it tells of; taken as 12 bit" in notes[0]


def test_an_overlay_in_the_bits_above_is_no_part_of_the_picture():
    file = dcmread(io.BytesIO(encode(STORED | 2**15, **PLAIN)))
    file.add_new((0x6000, 0x0102), "US", 15)
    overlaid = written(file)
    np.testing.assert_array_equal(read(overlaid)[0], RIGHT)


def test_without_preamble_or_meta_header(tmp_path):
    whole = encode(STORED, **PLAIN)
    right = read(whole)[0]
    implicit = dcmread(io.BytesIO(whole))
    implicit.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    first = b"\x08\x00\x16\x00"  # SOPClassUID
    for name, data in {
        "no preamble": whole[132:],
        "DICM first": whole[128:],
        "no meta": whole[whole.index(first) :],
        "implicit, no meta": written(implicit)[written(implicit).index(first) :],
    }.items():
        pixels, notes = read(data)
        np.testing.assert_array_equal(pixels, right, err_msg=name)
        assert len(notes) == ("no meta" in name)
        (tmp_path / "a").write_bytes(data)
        assert dicom_index.index(Folder(tmp_path), ["a"]) == ({"1.2.3": ["a"]}, {}, {})


@pytest.mark.parametrize(
    "absent", ["PhotometricInterpretation", "SamplesPerPixel", "PixelRepresentation", "BitsStored"]
)
def test_what_must_be_there_and_is_not_is_assumed_with_a_note(absent):
    pixels, notes = read(encode(STORED * 16, without=(absent,)))
    np.testing.assert_array_equal(pixels, np.rint(STORED * 16.0 / 65535 * 255))
    assert len(notes) == 1


def test_the_highest_bit_tells_how_many_are_stored():
    pixels, (note,) = read(encode(STORED, HighBit=11, without=("BitsStored",)))
    np.testing.assert_array_equal(pixels, RIGHT)
    assert "BitsStored: taken as 12" in note


@pytest.mark.parametrize("without", ["Rows", "Columns"])
def test_a_picture_of_no_size_is_told(without):
    assert "does not tell how many rows and columns" in refusal(encode(STORED, without=(without,)))


def test_for_processing_gets_a_caution():
    for marks in (
        {"SOPClassUID": DigitalMammographyXRayImageStorageForProcessing},
        {"PresentationIntentType": "FOR PROCESSING"},
    ):
        (note,) = read(encode(STORED, **PLAIN, **marks))[1]
        assert "FOR PROCESSING" in note


def refusal(data):
    with pytest.raises(ValueError, match=r".+") as caught:
        dicom.read(data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_files_without_pixels_are_named():
    report = Dataset()
    report.file_meta = FileMetaDataset()
    report.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    report.SOPClassUID, report.SOPInstanceUID = BasicTextSRStorage, "1.2.3"
    assert "holds no picture: it is Basic Text SR Storage" in refusal(written(report))
    assert "it is Digital Mammography" in refusal(encode(STORED, without=("PixelData",)))
    assert "its pixel data are empty" in refusal(encode(STORED, PixelData=b""))


@pytest.mark.parametrize(("precision", "said"), [(12, True), (8, False)])
def test_jpeg_extended_of_12_bit_names_what_decodes_it(precision, said):
    file = dcmread(io.BytesIO(encode(STORED, **PLAIN)))
    file.file_meta.TransferSyntaxUID = JPEGExtended12Bit
    frame = b"\xff\xd8\xff\xc1\x00\x0b" + bytes([precision]) + bytes(40)
    file.PixelData = encapsulate([frame])
    file["PixelData"].is_undefined_length = True
    text = refusal(written(file))
    assert ("pip install pylibjpeg pylibjpeg-libjpeg" in text) == said


@pytest.mark.parametrize(
    ("syntax", "said"),
    [(HTJ2KLossless, "pip install pylibjpeg pylibjpeg-openjpeg"), (MPEG4HP41, "convert it to PNG")],
)
def test_a_compression_that_nothing_decodes(syntax, said):
    file = dcmread(io.BytesIO(encode(STORED)))
    file.file_meta.TransferSyntaxUID = syntax
    file.PixelData = encapsulate([b"\xff\x4f\xff\x51" + bytes(20)])
    file["PixelData"].is_undefined_length = True
    text = refusal(written(file))
    assert syntax.name in text
    assert said in text


def test_opencv_speaks_again_after_a_file_is_read():
    before = cv2.utils.logging.getLogLevel()
    with heard(), heard():
        assert cv2.utils.logging.getLogLevel() == cv2.utils.logging.LOG_LEVEL_SILENT
    assert cv2.utils.logging.getLogLevel() == before > 0


def test_library_warnings_become_notes_in_every_thread(recwarn, monkeypatch, caplog):
    data = encode(STORED, **PLAIN)
    completed = dicom._completed

    def warning(dataset):
        warnings.warn(f"odd\n thing of {threading.current_thread().name}", stacklevel=1)
        logging.getLogger("pydicom").warning("logged")
        return completed(dataset)

    monkeypatch.setattr(dicom, "_completed", warning)
    found = {}

    def work():
        name = threading.current_thread().name
        found[name] = [dicom.read(data).notes for _ in range(20)]

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, notes in found.items():
        assert notes == [[f"odd thing of {name}", "logged"]] * 20
    assert len(found) == 4
    assert len(recwarn) == 0
    assert not caplog.records
    logging.getLogger("pydicom").warning("heard again")
    assert caplog.messages == ["heard again"]
    with pytest.warns(UserWarning, match="after"):
        warnings.warn("after", stacklevel=1)


def test_a_folder_is_not_taken_for_a_decoder(tmp_path, monkeypatch):
    for name in ("dl", "openjpeg"):
        (tmp_path / name).mkdir()
    monkeypatch.delitem(sys.modules, "openjpeg", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert find_spec("dl")
    if find_spec("openjpeg").origin is None:  # it is not installed, or comes later
        assert "openjpeg" in dicom._folders(["openjpeg", "json"])
    with dicom._hidden(["dl"]), pytest.raises(ImportError):
        import dl  # noqa: F401
    assert find_spec("dl")


@pytest.mark.full
def test_a_folder_in_the_current_directory_hides_no_decoder(tmp_path):
    for name in ("dl", "DLFCN", "gdcm", "pylibjpeg", "openjpeg", "jpeg_ls"):
        (tmp_path / name).mkdir()
    (tmp_path / "a.dcm").write_bytes(encode(STORED))
    code = (
        "import sys; sys.path.insert(0, ''); from tfds_cbis.release import dicom;"
        "print(dicom.read(open('a.dcm', 'rb').read()).pixels.sum())"
    )
    here = os.environ | {"PYTHONPATH": str(Path(dicom.__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, env=here, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert int(done.stdout) == STORED.astype(int).sum()
