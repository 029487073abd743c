"""The DICOM release: the same patches as from JPEG, with all of their bits."""

import shutil
import sys

import gdcm
import numpy as np
import pytest

import tfds_cbis
from jaxcbis.data.patches import from_records
from tests.tfds_cbis import dicom_release
from tests.tfds_cbis.test_prepare import SIZE
from tfds_cbis.errors import CbisError
from tfds_cbis.release.files import Release
from tfds_cbis.release.images import Unusable, decode_dicom

GREY = np.random.default_rng(0).integers(0, 2**16, (40, 30)).astype(np.uint16)


def records(release, folder, **options):
    """Examples by split and id, and what was dropped."""
    builder = tfds_cbis.prepare(release, data_dir=folder, background_size=SIZE, **options)
    found = {
        split: {example["id"].decode(): example for example in builder.as_data_source(split)}
        for split in ("train", "test")
    }
    return found, tfds_cbis.summary(builder)["dropped"], builder


@pytest.mark.parametrize(
    ("protocol", "layout", "attributes"),
    [
        ("paper", "TCIA", {"rle": True}),
        ("paper", "flat", {}),
        ("clean", "dated", {"WindowCenter": 32768, "WindowWidth": 65536}),
    ],
)
def test_patches_are_those_of_the_jpeg_release(small_demo, tmp_path, protocol, layout, attributes):
    release = dicom_release.convert(small_demo, tmp_path / "release", layout, **attributes)
    expected, _, _ = records(small_demo, tmp_path / "a", protocol=protocol)
    found, dropped, builder = records(release, tmp_path / "b", protocol=protocol)
    assert dropped == []
    assert builder.builder_config.name == {"paper": "dicom", "clean": "dicom_clean"}[protocol]
    for split, examples in expected.items():
        assert found[split].keys() == examples.keys()
        for name, example in examples.items():
            mine = found[split][name]
            assert mine["image"].dtype == np.uint16
            # A window gives the range's ends half a level more.
            np.testing.assert_allclose(mine["image"], example["image"] * 257.0, atol=1)
            for key in example.keys() - {"image"}:
                np.testing.assert_array_equal(mine[key], example[key])


def test_all_bits_reach_the_arrays(tmp_path, small_demo):
    release = dicom_release.convert(small_demo, tmp_path / "release", "flat")
    for path in release.glob("dicom/*/*.dcm"):
        uid, pixels = path.parent.name, decode_dicom(path.read_bytes())
        noise = np.random.default_rng(0).integers(0, 100, pixels.shape).astype(np.uint16)
        bright = np.where((pixels > 2**13) & (pixels < 2**15), pixels + noise, pixels)
        dicom_release.write(path, bright, SeriesInstanceUID=uid)
    _, _, builder = records(release, tmp_path / "data")
    images = from_records(builder.as_data_source("train"), 64).images
    assert images.dtype == np.uint16
    assert len(np.unique(images % 257)) > 200


@pytest.mark.parametrize(
    "syntax",
    [gdcm.TransferSyntax.JPEGLosslessProcess14, gdcm.TransferSyntax.JPEGLosslessProcess14_1],
)
def test_lossless_jpeg(tmp_path, syntax):
    path = dicom_release.write(tmp_path / "a.dcm", GREY)
    size = path.stat().st_size
    dicom_release.compress_as_jpeg(path, syntax)
    assert path.stat().st_size != size
    np.testing.assert_array_equal(decode_dicom(path.read_bytes()), GREY)


def test_compression_that_nothing_decodes_says_what_to_install(tmp_path, monkeypatch):
    path = dicom_release.write(tmp_path / "a.dcm", GREY)
    dicom_release.compress_as_jpeg(path, gdcm.TransferSyntax.JPEGLosslessProcess14_1)
    monkeypatch.setattr("pydicom.pixels.decoders.base.Decoder.is_available", False)
    with pytest.raises(Unusable, match="pip install") as caught:
        decode_dicom(path.read_bytes())
    assert "\n" not in str(caught.value)


def test_dense_tissue_is_bright_whatever_the_file_says(tmp_path):
    inverted = dicom_release.write(
        tmp_path / "a.dcm", 65535 - GREY, PhotometricInterpretation="MONOCHROME1"
    )
    np.testing.assert_array_equal(decode_dicom(inverted.read_bytes()), GREY)
    twelve = dicom_release.write(tmp_path / "b.dcm", GREY >> 4, BitsStored=12, HighBit=11)
    expected = np.rint((GREY >> 4) / 4095 * 65535)
    np.testing.assert_array_equal(decode_dicom(twelve.read_bytes()), expected)


def test_bad_files_are_named_and_the_rest_is_prepared(small_demo, tmp_path):
    release = dicom_release.convert(small_demo, tmp_path / "release", "flat")
    expected, _, _ = records(release, tmp_path / "a")
    lesions = [x for x in Release(release).lesions()[0] if x.is_target and x.split == "train"]
    cut, headless = (release / Release(release).files(x.mask_uids[0])[0] for x in lesions[:2])
    for path, share in ((cut, 0.7), (headless, 0.001)):
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
    found, dropped, _ = records(release, tmp_path / "b")
    reasons = {item["id"]: item["reason"] for item in dropped}
    assert str(cut.relative_to(release)) in reasons[lesions[0].id]
    assert "missing mask" in reasons[lesions[1].id]
    assert "header" in reasons[str(headless.relative_to(release))]
    lost = {x.id for x in lesions[:2]}
    assert found["test"].keys() == expected["test"].keys()
    kept = {name for name, each in found["train"].items() if each["label"]}
    assert kept == {name for name, each in expected["train"].items() if each["label"]} - lost


def test_a_folder_without_its_tables_is_refused(small_demo, tmp_path):
    release = dicom_release.convert(small_demo, tmp_path / "release", "flat")
    shutil.rmtree(release / "csv")
    with pytest.raises(CbisError, match="case-description CSV"):
        Release(release)


def test_tables_lie_beside_the_images_as_tcia_serves_them(small_demo, tmp_path):
    release = dicom_release.convert(small_demo, tmp_path / "release", "TCIA")
    expected = Release(release).lesions()
    for table in (release / "csv").iterdir():
        shutil.move(table, release)
    (release / "csv").rmdir()
    assert Release(release).lesions() == expected
    assert Release(release / "CBIS-DDSM").lesions() == expected


def test_jpeg_needs_no_pydicom(small_demo, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pydicom", None)
    found, _, _ = records(small_demo, tmp_path)
    assert found["train"]
