"""Preparing on Apache Beam: the same records, byte for byte, and its users' mistakes."""

import pickle

import pytest

import tfds_cbis
from jaxcbis.errors import UserError
from tests.processes import refused
from tests.tfds_cbis import dicom_release
from tests.tfds_cbis.test_prepare import SIZE
from tfds_cbis import beam
from tfds_cbis.release import Release

PROCESSES = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]


def files(folder) -> dict[str, bytes]:
    """All that was prepared; the folder of the downloads is empty."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


@pytest.mark.parametrize("options", [[], PROCESSES])
@pytest.mark.parametrize("protocol", ["paper", "clean"])
def test_its_records_are_those_of_threads(small_demo, tmp_path, protocol, options, capfd):
    for name, chosen in (("threads", None), ("beam", options)):
        tfds_cbis.prepare(
            small_demo, data_dir=tmp_path / name, background_size=SIZE, protocol=protocol,
            beam=chosen,
        )  # fmt: skip
    expected = files(tmp_path / "threads")
    assert sum("array_record" in name for name in expected) == 2
    assert files(tmp_path / "beam") == expected
    assert capfd.readouterr() == ("", "")


def test_a_release_travels_with_what_it_found(small_demo, tmp_path, monkeypatch):
    release = Release(dicom_release.convert(small_demo, tmp_path / "release", "flat"))
    data = pickle.dumps(release)
    monkeypatch.setattr("tfds_cbis.dicom_index.series", None)  # headers are not read again
    again = pickle.loads(data)
    for lesion in release.lesions()[0]:
        (name, *_) = again.files(lesion.image_uid)
        assert again.read(name) == release.read(name)


def fails(item):
    raise RuntimeError("the third disk\nis on fire")


def test_what_goes_wrong_is_one_line(tmp_path):
    with pytest.raises(UserError, match="the pipeline failed") as caught:
        list(beam.mapper([], tmp_path)(fails, [1, 2]))
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--runnner=Flink", "--direct_num_workers=many"])
def test_options_that_beam_does_not_know(small_demo, tmp_path, option):
    line = refused(
        "prepare", "--data", small_demo, "--data-dir", tmp_path, "--beam", option,
        program=("-m", "jaxcbis"),
    )  # fmt: skip
    assert option.partition("=")[0] in line
