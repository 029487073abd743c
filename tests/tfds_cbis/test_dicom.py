"""The DICOM release: the same patches as from JPEG, with all of their bits."""

import shutil
import sys

import gdcm
import numpy as np
import pytest

import tfds_cbis
from jaxcbis.data.prepared import from_records
from tests.tfds_cbis import dicom_release, reading
from tests.tfds_cbis.healthy_release import SIZE
from tfds_cbis.errors import CbisError
from tfds_cbis.release.files import Release
from tfds_cbis.release.images import Unusable, decode_dicom

GREY = np.random.default_rng(0).integers(0, 2**16, (40, 30)).astype(np.uint16)


@pytest.fixture
def flat(healthy, tmp_path):
    """The healthy release as DICOM files."""
    return dicom_release.convert(healthy.folder, tmp_path / "flat", "flat")


@pytest.mark.parametrize(
    ("protocol", "layout", "attributes"),
    [
        ("paper", "TCIA", {"rle": True}),
        ("paper", "flat", {}),
        ("clean", "dated", {"WindowCenter": 32768, "WindowWidth": 65536}),
        ("shifted", "flat", {}),
    ],
)
def test_patches_are_those_of_the_jpeg_release(healthy, tmp_path, protocol, layout, attributes):
    release = dicom_release.convert(healthy.folder, tmp_path / "release", layout, **attributes)
    options = {"size": SIZE, "protocol": protocol}
    expected = reading.cut(healthy.folder, **options).examples
    found, dropped, _ = reading.cut(release, **options)
    assert dropped == []
    assert len(found) == len(expected)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine["image"].dtype == np.uint16
        # A window gives the range's ends half a level more.
        np.testing.assert_allclose(mine["image"], theirs["image"] * 257.0, atol=1)
        for key in theirs.keys() - {"image"}:
            np.testing.assert_array_equal(mine[key], theirs[key])


@pytest.mark.parametrize("protocol", ["paper", "clean"])
def test_all_bits_reach_the_arrays(flat, tmp_path, protocol):
    for path in flat.glob("dicom/*/*.dcm"):
        uid, pixels = path.parent.name, decode_dicom(path.read_bytes()).pixels
        noise = np.random.default_rng(0).integers(0, 100, pixels.shape).astype(np.uint16)
        grey = (pixels > 2**13) & (pixels < 2**15)
        dicom_release.write(path, np.where(grey, pixels + noise, pixels), SeriesInstanceUID=uid)
    builder = tfds_cbis.prepare(flat, data_dir=tmp_path, background_size=SIZE, protocol=protocol)
    assert builder.builder_config.name == {"paper": "dicom", "clean": "dicom_clean"}[protocol]
    images = from_records(builder.as_data_source("train"), 32)[0].images
    assert images.dtype == np.uint16
    assert len(np.unique(images % 257)) > 200


def test_what_was_assumed_is_kept_with_the_data_set(healthy, tmp_path):
    marks = {"PresentationIntentType": "FOR PROCESSING"}
    release = dicom_release.convert(healthy.folder, tmp_path / "release", "flat", **marks)
    builder = tfds_cbis.prepare(release, data_dir=tmp_path, background_size=SIZE)
    assumed = tfds_cbis.summary(builder)["assumed"]
    assert len({item["id"] for item in assumed}) == len(assumed) > 0
    assert all("FOR PROCESSING" in item["reason"] for item in assumed)
    del builder.info.metadata["assumed"]
    assert tfds_cbis.summary(builder)["assumed"] == []


@pytest.mark.parametrize(
    "syntax",
    [gdcm.TransferSyntax.JPEGLosslessProcess14, gdcm.TransferSyntax.JPEGLosslessProcess14_1],
)
def test_lossless_jpeg(tmp_path, syntax):
    path = dicom_release.write(tmp_path / "a.dcm", GREY)
    size = path.stat().st_size
    dicom_release.compress_as_jpeg(path, syntax)
    assert path.stat().st_size != size
    np.testing.assert_array_equal(decode_dicom(path.read_bytes()).pixels, GREY)


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
    np.testing.assert_array_equal(decode_dicom(inverted.read_bytes()).pixels, GREY)
    twelve = dicom_release.write(tmp_path / "b.dcm", GREY >> 4, BitsStored=12, HighBit=11)
    expected = np.rint((GREY >> 4) / 4095 * 65535)
    np.testing.assert_array_equal(decode_dicom(twelve.read_bytes()).pixels, expected)


def test_bad_files_are_named_and_the_rest_is_cut(flat):
    expected = reading.cut(flat, size=SIZE).examples
    release = Release(flat)
    lesions = [x for x in release.lesions()[0] if x.is_target and x.split == "train"]
    cut, headless = (flat / release.files(x.mask_uids[0])[-1] for x in lesions[:2])
    for path, share in ((cut, 0.7), (headless, 0.001)):
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
    found, dropped, _ = reading.cut(flat, size=SIZE)
    reasons = {item["id"]: item["reason"] for item in dropped}
    assert str(cut.relative_to(flat)) in reasons[lesions[0].id]
    assert "missing mask" in reasons[lesions[1].id]
    assert "header" in reasons[str(headless.relative_to(flat))]
    before, after = ({x["id"] for x in each if x["label"]} for each in (expected, found))
    assert after == before - {x.id for x in lesions[:2]}


def test_tables_lie_beside_the_images_as_tcia_serves_them(healthy, tmp_path):
    release = dicom_release.convert(healthy.folder, tmp_path / "release", "TCIA")
    expected = Release(release).lesions()
    for table in (release / "csv").iterdir():
        shutil.move(table, release)
    (release / "csv").rmdir()
    assert Release(release).lesions() == expected
    assert Release(release / "CBIS-DDSM").lesions() == expected
    for table in release.glob("*.csv"):
        table.unlink()
    with pytest.raises(CbisError, match="case-description CSV"):
        Release(release)


def test_only_the_dicom_release_needs_pydicom(healthy, flat, monkeypatch):
    monkeypatch.setitem(sys.modules, "pydicom", None)
    assert reading.cut(healthy.folder, size=SIZE)[1] == []
    with pytest.raises(CbisError, match=f"release {flat} needs .*: pip install pydicom"):
        Release(flat)
