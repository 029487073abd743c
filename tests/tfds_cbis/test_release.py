"""A release's files, unpacked and in its archive."""

import contextlib
import os
import shutil
import zipfile

import pytest

from tfds_cbis.errors import CbisError
from tfds_cbis.release.files import Release


@pytest.fixture
def archive(small_demo, tmp_path):
    return shutil.make_archive(str(tmp_path / "archive"), "zip", small_demo)


def test_an_archive_holds_what_the_folder_holds(small_demo, archive):
    folder, packed = Release(small_demo), Release(archive)
    assert packed.lesions() == folder.lesions()
    assert len(folder.lesions()[0]) == 66
    for lesion in folder.lesions()[0]:
        for uid in (lesion.image_uid, *lesion.mask_uids):
            assert folder.files(uid)
            assert packed.files(uid) == folder.files(uid)
    name = folder.files(lesion.image_uid)[0]
    assert packed.read(name) == folder.read(name)
    options = {"background_size": 48}
    assert packed.fingerprint(**options) == folder.fingerprint(**options)


def is_open(path) -> bool:
    """Whether this process has a file open."""
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # that of the listing itself
            found.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return str(path) in found


def test_an_archive_is_closed_in_the_end(archive):
    with Release(archive):
        assert is_open(archive)
    assert not is_open(archive)


def test_an_archive_that_is_refused_is_closed(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("readme.txt", "")
    with pytest.raises(CbisError, match="no case-description CSV") as caught:
        Release(tmp_path / "other.zip")
    assert caught.traceback  # its frames hold the release
    assert not is_open(tmp_path / "other.zip")


def test_the_fingerprint_sees_every_change(small_demo, tmp_path):
    def fingerprint(size=48):
        return Release(tmp_path / "copy").fingerprint(background_size=size)

    shutil.copytree(small_demo, tmp_path / "copy")
    seen = {fingerprint(), fingerprint(49)}
    table = tmp_path / "copy/csv/mass_case_description_test_set.csv"
    table.write_bytes(table.read_bytes().replace(b"BENIGN", b"MALIGN", 1))
    seen.add(fingerprint())
    image = next((tmp_path / "copy/jpeg").glob("*/*.jpg"))
    image.write_bytes(image.read_bytes()[:-1])
    seen.add(fingerprint())
    image.unlink()
    seen.add(fingerprint())
    assert len(seen) == 5


def test_a_path_that_is_not_there(tmp_path):
    with pytest.raises(CbisError, match="does not exist; give the CBIS-DDSM release's"):
        Release(tmp_path / "nothing")


def test_a_truncated_archive(archive, tmp_path):
    cut = tmp_path / "cut.zip"
    with open(archive, "rb") as whole:
        cut.write_bytes(whole.read(10_000))
    with pytest.raises(CbisError, match="no readable zip archive"):
        Release(cut)


def test_a_folder_without_case_descriptions(small_demo, tmp_path):
    shutil.copytree(small_demo / "jpeg", tmp_path / "jpeg")
    with pytest.raises(CbisError, match=r"no case-description CSV; expected csv/mass_case"):
        Release(tmp_path)


def test_a_folder_without_images(small_demo, tmp_path):
    shutil.copytree(small_demo / "csv", tmp_path / "csv")
    with pytest.raises(CbisError, match=r"no jpeg/<SeriesInstanceUID>/\*\.jpg"):
        Release(tmp_path)


def test_one_case_description_and_no_dicom_info_are_enough(small_demo, tmp_path):
    (tmp_path / "csv").mkdir()
    (tmp_path / "jpeg").symlink_to(small_demo / "jpeg")
    name = "csv/mass_case_description_train_set.csv"
    shutil.copy(small_demo / name, tmp_path / name)
    lesions, _ = Release(tmp_path).lesions()
    assert {(lesion.abnormality_type, lesion.split) for lesion in lesions} == {("mass", "train")}


def test_case_descriptions_without_a_row(small_demo, tmp_path):
    (tmp_path / "csv").mkdir()
    (tmp_path / "jpeg").symlink_to(small_demo / "jpeg")
    name = "csv/mass_case_description_train_set.csv"
    header = (small_demo / name).read_text().splitlines()[0]
    (tmp_path / name).write_text(header)
    with pytest.raises(CbisError, match="hold no row"):
        Release(tmp_path).lesions()
