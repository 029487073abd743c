"""Whole mammograms as configurations of the data set: written, read by name, and by Beam."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

import tfds_cbis
from tests.tfds_cbis import dicom_release
from tests.tfds_cbis.reading import with_arrays
from tests.tfds_cbis.test_beam import files
from tests.tfds_cbis.toy_release import ToyRelease, mask
from tests.tfds_cbis.whole_film import breast_film
from tfds_cbis import whole_views
from tfds_cbis.cbis_ddsm_patches import configurations
from tfds_cbis.errors import CbisError
from tfds_cbis.release.files import Release

SIZE = (96, 64)
SHAPE = (240, 200)
NAME = "cbis_ddsm_patches/mammograms_96x64"


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """Five mammograms, one of them mirrored, one there twice, one without a readable mask."""
    toy = ToyRelease(tmp_path_factory.mktemp("toy") / "release")
    drawn = mask(SHAPE, 20, 100, 50, 120)
    for number in range(5):
        film = breast_film(*SHAPE, seed=number)[0]
        images = [film, drawn] if number else [film[:, ::-1], drawn[:, ::-1]]
        both = dict(zip(("image/1-1.jpg", "mask/1-1.jpg"), images, strict=True))
        toy.add(
            files={"image/1-1.jpg": film} if number == 1 else both,
            patient=f"P_{number}",
            split="train" if number < 3 else "test",
            pathology="MALIGNANT" if number % 2 else "BENIGN",
        )
        if number == 2:
            toy.add(files=both, patient="P_2", kind="calc")
    return toy.write()


@pytest.fixture(scope="module")
def prepared(release, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    calls = []
    builder = tfds_cbis.prepare_mammograms(
        release, SIZE, data_dir=folder, progress=lambda *words: calls.append(words)
    )
    assert calls == [(done, 5) for done in range(1, 6)]
    return builder


def test_it_holds_what_is_made(release, prepared):
    with Release(release) as source:
        jobs, _ = whole_views.plan(source.lesions()[0])
        made = [whole_views.make(source, job, height=96, width=64).examples for job in jobs]
    expected = {example["id"]: with_arrays(example) for (example,) in made}
    found = [each for split in ("train", "test") for each in prepared.as_data_source(split)]
    assert {each["id"].decode() for each in found} == expected.keys()
    for each in found:
        wanted = expected[each["id"].decode()]
        assert each.keys() == wanted.keys()
        for key, value in wanted.items():
            got = each[key].decode() if isinstance(each[key], bytes) else each[key]
            pictured = key in ("image", "mask", "malignant_mask")
            np.testing.assert_array_equal(got[..., 0] if pictured else got, value)
    facts = {each["patient_id"]: (each["flipped"], each["masked"]) for each in found}
    assert facts == {
        b"P_0": (1, 1), b"P_1": (0, 0), b"P_2": (0, 1), b"P_3": (0, 1), b"P_4": (0, 1)
    }  # fmt: skip


def test_it_is_read_by_name_without_its_release(prepared):
    """Also of a size that is in no list, of which TFDS then knows the files alone."""
    builder = tfds.builder(NAME, data_dir=prepared.data_dir_root)
    assert builder.info.features["label"].names == ["BENIGN", "MALIGNANT"]
    assert builder.info.features["image"].shape == (96, 64, 1)
    assert str(builder.version) == "1.0.0"
    for split in ("train", "test"):
        for one, other in zip(*(b.as_data_source(split) for b in (builder, prepared)), strict=True):
            np.testing.assert_array_equal(one["image"], other["image"])
            np.testing.assert_array_equal(one["box"], other["box"])
    assert tfds_cbis.summary(builder) == tfds_cbis.summary(prepared)
    assert tfds_cbis.summary(builder)["repeated"] == 1


def test_patches_and_other_sizes_lie_beside_it(release, prepared):
    folder = prepared.data_dir_root
    other = tfds_cbis.prepare_mammograms(release, (64, 96), data_dir=folder)
    patches = tfds_cbis.prepare(release, data_dir=folder, protocol="clean")
    again = tfds_cbis.prepare_mammograms(release, SIZE, data_dir=folder, progress=pytest.fail)
    assert again.as_data_source("test")[0]["image"].shape == (96, 64, 1)
    assert other.as_data_source("test")[0]["image"].shape == (64, 96, 1)
    assert "window" in patches.as_data_source("train")[0]


def test_another_release_asks_for_another_folder(prepared, tmp_path):
    toy = ToyRelease(tmp_path / "release")
    film = breast_film(*SHAPE)[0]
    toy.add(files={"image/1-1.jpg": film, "mask/1-1.jpg": mask(SHAPE, 20, 100, 50, 120)})
    with pytest.raises(CbisError, match=r"not from .*release; pass another --data-dir") as caught:
        tfds_cbis.prepare_mammograms(toy.write(), SIZE, data_dir=prepared.data_dir_root)
    assert "background" not in str(caught.value)


def test_sixteen_bit_stay(release, prepared, tmp_path):
    dicom = dicom_release.convert(release, tmp_path / "dicom", "flat")
    builder = tfds_cbis.prepare_mammograms(dicom, SIZE, data_dir=tmp_path)
    assert builder.builder_config.name == "dicom_mammograms_96x64"
    eight, sixteen = (
        {each["id"]: each for each in b.as_data_source("train")} for b in (prepared, builder)
    )
    assert eight.keys() == sixteen.keys()
    for name, each in sixteen.items():
        assert each["image"].dtype == np.uint16
        assert each["mask"].dtype == np.uint8
        np.testing.assert_allclose(each["image"] / 257, eight[name]["image"], atol=1)
        np.testing.assert_array_equal(each["mask"], eight[name]["mask"])
        np.testing.assert_array_equal(each["box"], eight[name]["box"])


def test_beam_and_threads_write_the_same_bytes(release, prepared, tmp_path, capfd):
    tfds_cbis.prepare_mammograms(release, SIZE, data_dir=tmp_path, beam=[])
    found, expected = (
        {name: data for name, data in files(Path(folder)).items() if "_96x64/" in name}
        for folder in (tmp_path, prepared.data_dir_root)
    )
    assert sum("array_record" in name for name in expected) == 2
    assert found == expected
    assert capfd.readouterr() == ("", "")


def test_a_configuration_for_the_other_kind_of_release(release, tmp_path):
    with Release(release) as source:
        builder = tfds_cbis.Builder(
            config="dicom_mammograms_96x64", data_dir=tmp_path, release=source
        )
        with pytest.raises(CbisError, match=r"holds JPEG files, .*expected mammograms_96x64$"):
            builder.download_and_prepare()


def test_a_size_out_of_bounds(release, tmp_path):
    with pytest.raises(CbisError, match="height 100: expected 64 to 4096, a multiple of 32"):
        tfds_cbis.prepare_mammograms(release, (100, 64), data_dir=tmp_path)


def test_a_release_of_which_nothing_is_known(tmp_path):
    toy = ToyRelease(tmp_path / "release")
    name = toy.add(pathology="UNPROVEN", files={"image/1-1.jpg": breast_film(*SHAPE)[0]})
    with pytest.raises(CbisError, match=f"no mammogram of which it is known .*{name}"):
        tfds_cbis.prepare_mammograms(toy.write(), SIZE, data_dir=tmp_path)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("mammograms", (1152, 896)),
        ("dicom_mammograms", (1152, 896)),
        ("mammograms_576x448", (576, 448)),
        ("mammograms_1152x896", None),
        ("mammograms_100x64", None),
        ("mammogram", None),
    ],
)
def test_names(name, size):
    config = configurations.of_mammograms(name)
    assert (config and (config.height, config.width)) == size
    assert tfds_cbis.Builder.get_builder_config(name) is config
    if config:
        assert config.dicom == name.startswith("dicom")
