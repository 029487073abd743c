"""Preparing on Apache Beam: the same records, byte for byte, and its users' mistakes."""

import pickle

import pytest

import tfds_cbis
from tests.tfds_cbis import dicom_release
from tests.tfds_cbis.healthy_release import SIZE
from tfds_cbis import beam
from tfds_cbis.errors import CbisError
from tfds_cbis.release.files import Release

PROCESSES = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]


def files(folder) -> dict[str, bytes]:
    """All that was prepared; the folder of the downloads is empty."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


@pytest.mark.parametrize(
    ("protocol", "options"),
    [
        ("clean", []),
        *(
            pytest.param(*pair, marks=pytest.mark.full)
            for pair in (
                ("paper", []),
                ("paper", PROCESSES),
                ("clean", PROCESSES),
                ("shifted", []),
                ("shifted", PROCESSES),
            )
        ),
    ],
)
def test_its_records_are_those_of_threads(healthy, tmp_path, protocol, options, capfd):
    for name, chosen in (("threads", None), ("beam", options)):
        tfds_cbis.prepare(
            healthy.folder, data_dir=tmp_path / name, background_size=SIZE, protocol=protocol,
            beam=chosen,
        )  # fmt: skip
    expected = files(tmp_path / "threads")
    assert sum("array_record" in name for name in expected) == 2
    assert files(tmp_path / "beam") == expected
    assert capfd.readouterr() == ("", "")


def test_a_release_travels_with_what_it_found(healthy, tmp_path, monkeypatch):
    release = Release(dicom_release.convert(healthy.folder, tmp_path / "release", "flat"))
    data = pickle.dumps(release)
    monkeypatch.setattr("tfds_cbis.release.dicom_index.index", None)  # headers are not read again
    again = pickle.loads(data)
    for lesion in release.lesions()[0]:
        (name, *_) = again.files(lesion.image_uid)
        assert again.read(name) == release.read(name)


def fails(item):
    raise RuntimeError("the third disk\nis on fire")


def test_what_goes_wrong_is_one_line(tmp_path):
    with pytest.raises(CbisError, match=r"the pipeline failed: .*is on fire") as caught:
        list(beam.mapper([], tmp_path)(fails, [1, 2]))
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--runnner=Flink", "--direct_num_workers=many"])
def test_options_that_beam_does_not_know(healthy, tmp_path, option, refused_here):
    line = refused_here(
        "prepare", "--data", healthy.folder, "--data-dir", tmp_path, "--beam", option
    )
    assert option.partition("=")[0] in line
