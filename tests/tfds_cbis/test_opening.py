"""Releases that do not lie as documented: what is near to it is taken, and told."""

import os
import pickle
import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import BasicTextSRStorage, ExplicitVRLittleEndian

from tests.tfds_cbis import dicom_release
from tests.tfds_cbis.dicom_file import written
from tests.tfds_cbis.healthy_release import SIZE, csv_name
from tfds_cbis.errors import CbisError
from tfds_cbis.release import images
from tfds_cbis.release.cases import CSV_NAMES, views
from tfds_cbis.release.files import Release

MASS = "csv/mass_case_description_train_set.csv"
OTHERS = [csv_name(key) for key in CSV_NAMES if csv_name(key) != MASS]


@pytest.fixture
def kaggle(healthy, tmp_path) -> Path:
    """A copy of the healthy release."""
    return Path(shutil.copytree(healthy.folder, tmp_path / "top/release"))


@pytest.fixture(scope="module")
def converted(healthy, memory) -> Path:
    """The healthy release as DICOM files; to be read only."""
    return dicom_release.convert(healthy.folder, memory / "converted", "TCIA")


@pytest.fixture
def dicom(converted, tmp_path) -> Path:
    return Path(shutil.copytree(converted, tmp_path / "top/release"))


def packed(folder: Path, archive: Path, name=lambda name: name) -> Path:
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                member = zipfile.ZipInfo("x")
                member.filename = name(path.relative_to(folder).as_posix())
                file.writestr(member, path.read_bytes())
    return archive


def identity(path: Path) -> tuple:
    """What two openings of one release have in common: lesions, bytes of each image, and hash."""
    with Release(path) as release:
        lesions = release.lesions()
        uids = {uid for x in lesions[0] for uid in (x.image_uid, *x.mask_uids)}
        images = {uid: [release.read(name) for name in release.files(uid)] for uid in uids}
        assert sum(map(len, images.values())) == 88
        return lesions, images, release.fingerprint(background_size=SIZE)


def moved(path: Path, place: str) -> Path:
    """Puts a folder or file below its parent; returns the parent."""
    target = path.parent / place
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = path.rename(path.with_name(".aside"))
    target.parent.mkdir(parents=True, exist_ok=True)
    aside.rename(target)
    return path.parent


@pytest.mark.parametrize(
    "place", ["archive", "archive/archive", "data/owner/cbis-ddsm", "a/b/c/d", "a/b/c/d/e"]
)
def test_a_release_some_folders_below(healthy, kaggle, place):
    top = moved(kaggle, place)
    assert identity(top) == identity(healthy.folder)
    assert Release(top).notes == [f"the release was found in {place} of {top}"]


@pytest.mark.parametrize(
    "part", ["jpeg", "csv", MASS, "jpeg/SERIES"], ids=["jpeg", "csv", "a table", "a series"]
)
def test_a_part_of_the_release_is_given(healthy, kaggle, part):
    series = next((kaggle / "jpeg").iterdir()).name
    given = kaggle / part.replace("SERIES", series)
    assert identity(given) == identity(healthy.folder)
    assert Release(given).notes == [f"{kaggle} was read: {given} is a part of it"]


def test_a_part_that_is_the_current_folder(healthy, kaggle, monkeypatch):
    monkeypatch.chdir(kaggle / "jpeg")
    assert identity(Path()) == identity(healthy.folder)
    assert identity(Path("../")) == identity(healthy.folder)


def test_the_documented_layout_needs_no_note(kaggle):
    assert Release(kaggle).notes == []


@pytest.mark.parametrize(
    "change",
    [
        lambda name: f"archive/{name}",
        lambda name: f"a/b/{name}",
        lambda name: name.replace("/", "\\"),
        lambda name: f"archive\\{name}".replace("/", "\\"),
        lambda name: f"./{name}",
        lambda name: name.replace("csv/", "CSV/").replace("jpeg/", "JPEG/"),
    ],
    ids=["a folder", "two folders", "backslashes", "both", "dot", "capitals"],
)
def test_an_archive_of_another_program(healthy, tmp_path, change):
    archive = packed(healthy.folder, tmp_path / "it.zip", change)
    found, expected = identity(archive), identity(healthy.folder)
    assert found[:2] == expected[:2]
    if "capitals" not in os.environ["PYTEST_CURRENT_TEST"]:
        assert found[2] == expected[2]  # prepared once, whichever is given


def test_what_a_mac_adds_to_an_archive_is_left_out(healthy, tmp_path):
    archive = packed(healthy.folder, tmp_path / "it.zip", lambda name: f"release/{name}")
    with zipfile.ZipFile(archive, "a") as file:
        for name in [*file.namelist(), "release/.DS_Store"]:
            folder, _, last = name.rpartition("/")
            file.writestr(f"__MACOSX/{folder}/._{last}", b"\0\5\x16\7")
    assert identity(archive) == identity(healthy.folder)


@pytest.mark.parametrize("name", ["archive.zip", "CBIS DDSM.ZIP"])
def test_the_archive_lies_in_the_folder(healthy, tmp_path, name):
    archive = packed(healthy.folder, tmp_path / name)
    (tmp_path / "other.zip").write_bytes(b"no zip")
    packed(healthy.folder / "csv", tmp_path / "tables.zip")
    assert identity(tmp_path) == identity(healthy.folder)
    assert Release(tmp_path).notes[0] == f"{archive} was read"


def test_two_archives_in_the_folder_are_named(healthy, tmp_path):
    for name in ("a.zip", "b.zip"):
        packed(healthy.folder, tmp_path / name)
    with pytest.raises(CbisError, match=r"did you mean .*a\.zip, .*b\.zip\?"):
        Release(tmp_path)


def test_capital_letters(healthy, kaggle):
    for path in [*kaggle.glob("csv/*"), *kaggle.glob("jpeg/*/*")]:
        path.rename(path.with_name(path.name.upper()))
    (kaggle / "csv").rename(kaggle / "CSV")
    (kaggle / "jpeg").rename(kaggle / "JPEG")
    assert identity(kaggle)[:2] == identity(healthy.folder)[:2]
    assert identity(kaggle / "JPEG") == identity(kaggle / "CSV") == identity(kaggle)
    places, images, ends, renamed = Release(kaggle).notes
    assert places == "the CSVs were read from CSV/, not from csv/"
    assert images == "the images were read from JPEG/, not from jpeg/"
    assert ends == "images that end in .JPG were read in place of .jpg"
    assert renamed == f"{MASS.upper()} was read as {MASS[4:]}, and 3 more in that way"


def test_tables_beside_the_images(healthy, kaggle):
    for path in (kaggle / "csv").iterdir():
        path.rename(kaggle / path.name)
    (kaggle / "csv").rmdir()
    assert identity(kaggle)[:2] == identity(healthy.folder)[:2]
    assert Release(kaggle).notes == ["the CSVs were read from the folder itself, not from csv/"]


def test_tables_and_images_in_folders_of_other_names(healthy, kaggle):
    (kaggle / "csv").rename(kaggle / "tables")
    (kaggle / "jpeg").rename(kaggle / "images")
    assert identity(kaggle)[:2] == identity(healthy.folder)[:2]
    assert Release(kaggle).notes == [
        "the CSVs were read from tables/, not from csv/",
        "the images were read from images/, not from jpeg/",
    ]


def test_images_without_a_folder_around_their_series(healthy, kaggle):
    for path in (kaggle / "jpeg").iterdir():
        path.rename(kaggle / path.name)
    assert identity(kaggle)[:2] == identity(healthy.folder)[:2]
    said = "the images were read from the folder itself, not from jpeg/"
    assert Release(kaggle).notes == [said]


@pytest.mark.parametrize("kind", ["png", "tiff", "tif", "bmp"])
def test_copies_in_another_format(healthy, kaggle, kind):
    """To the same pixels, and told."""
    for path in kaggle.glob("jpeg/*/*.jpg"):
        copy = cv2.imencode(f".{kind}", images.decode(path.read_bytes()))[1]
        path.with_suffix(f".{kind}").write_bytes(copy.tobytes())
        path.unlink()
    (kaggle / "jpeg").rename(kaggle / kind)
    with Release(kaggle) as found, Release(healthy.folder) as expected:
        assert found.notes == [
            f"the images were read from {kind}/, not from jpeg/",
            f"images that end in .{kind} were read in place of .jpg",
        ]
        assert found.lesions() == expected.lesions()
        for view in views(found.lesions()[0])[:3]:
            mine, theirs = (images.read_mammogram(one, view).pixels for one in (found, expected))
            np.testing.assert_array_equal(mine, theirs)


def test_what_is_there_instead_of_a_release_is_told(kaggle):
    for path in kaggle.glob("jpeg/*/*.jpg"):
        path.rename(path.with_suffix(".npy"))
    with pytest.raises(CbisError, match=r"it holds 88 \.npy \(jpeg/.*, \.\.\), 4 \.csv \(csv/"):
        Release(kaggle)
    shutil.rmtree(kaggle / "csv")
    with pytest.raises(CbisError, match=r"no case-description CSV; .*; it holds 88 \.npy \(jpeg/"):
        Release(kaggle)
    shutil.rmtree(kaggle / "jpeg")
    with pytest.raises(CbisError, match=r"it holds no file$"):
        Release(kaggle)


def test_pointers_in_place_of_files_are_named(kaggle):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    (kaggle / MASS).write_bytes(pointer)
    with pytest.raises(CbisError, match=r"set\.csv is a pointer of Git LFS .*: git lfs pull"):
        Release(kaggle).lesions()
    (kaggle / "it.zip").write_bytes(pointer)
    with pytest.raises(CbisError, match="a pointer of Git LFS, not the archive: git lfs pull"):
        Release(kaggle / "it.zip")


def test_reports_among_the_dicoms_are_told(dicom):
    expected = Release(dicom)
    report = Dataset()
    report.file_meta = FileMetaDataset()
    report.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    report.SOPClassUID, report.SOPInstanceUID = BasicTextSRStorage, "1.2.3"
    report.SeriesInstanceUID = "1.2.3"
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    (dicom / "CBIS-DDSM/SR.dcm").write_bytes(written(report))
    (dicom / "CBIS-DDSM/a.dcm").write_bytes(pointer)
    found = Release(dicom)
    said = "1 of the DICOM files is no picture, CBIS-DDSM/SR.dcm the first: Basic Text SR Storage"
    assert found.notes == [*expected.notes, said]
    lesions, dropped = found.lesions()
    assert lesions == expected.lesions()[0]
    (pointed,) = dropped
    assert "unreadable DICOM header" in pointed["reason"]
    assert "Git LFS" in pointed["reason"]


def test_images_in_two_folders(healthy, kaggle):
    for number, path in enumerate(sorted((kaggle / "jpeg").iterdir())):
        moved(path, f"part {number % 2}/{path.name}")
    assert identity(kaggle)[:2] == identity(healthy.folder)[:2]


def test_images_twice_are_named(kaggle):
    (kaggle / "jpeg").rename(kaggle / "one")
    shutil.copytree(kaggle / "one", kaggle / "two")
    with pytest.raises(CbisError, match=r"did you mean those in .*/one, .*/two\?"):
        Release(kaggle)


def test_two_releases_below_are_named(kaggle):
    shutil.copytree(kaggle, kaggle.with_name("release-2"))
    with pytest.raises(CbisError, match=r"did you mean .*/release(-2)?, .*/release(-2)?\?$"):
        Release(kaggle.parent)


def test_two_releases_at_different_depths_are_named(kaggle):
    shutil.copytree(kaggle, kaggle.with_name("other") / "deeper/release")
    with pytest.raises(CbisError, match=r"did you mean .*/top/release, .*/other/deeper/release\?$"):
        Release(kaggle.parent)


def test_tables_again_in_a_release_are_no_second_one(healthy, kaggle):
    shutil.copytree(kaggle / "csv", kaggle / "jpeg" / "csv")
    top = moved(kaggle, "archive")
    assert identity(top)[:2] == identity(healthy.folder)[:2]


def test_a_release_and_tables_alone_below(healthy, kaggle):
    shutil.copytree(kaggle / "csv", kaggle.with_name("a copy"))
    assert identity(kaggle.parent) == identity(healthy.folder)


@pytest.mark.parametrize(
    "name",
    [
        "mass_case_description_train_set (1).csv", "mass_case_description_train_set(1).csv",
        "mass_case_description_train_set - Copy.csv", "Mass-Case-Description-Train-Set.csv",
        "mass case description train set.CSV", "mass_case_description_train_set.csv.csv",
        "mass_case_description_train_set_2.csv",
    ],
)  # fmt: skip
def test_a_table_with_another_name(healthy, kaggle, name):
    (kaggle / MASS).rename(kaggle / "csv" / name)
    assert identity(kaggle)[:2] == identity(healthy.folder)[:2]
    assert Release(kaggle).notes == [f"csv/{name} was read as {MASS[4:]}"]


def test_doubles_of_a_table(healthy, kaggle):
    double = kaggle / MASS.replace(".csv", " (1).csv")
    shutil.copyfile(kaggle / MASS, double)
    assert identity(kaggle) == identity(healthy.folder)
    assert Release(kaggle).notes == []
    double.write_text("something else")
    assert identity(kaggle) == identity(healthy.folder)
    (note,) = Release(kaggle).notes
    assert note == f"csv/{double.name} was not read: it differs from {MASS}"
    (kaggle / MASS).rename(kaggle / MASS.replace(".csv", " (2).csv"))
    with pytest.raises(CbisError, match=r"did you mean csv/.* \(1\)\.csv, csv/.* \(2\)\.csv\?"):
        Release(kaggle)


def test_missing_tables_are_named(kaggle):
    for name in OTHERS[:2]:
        (kaggle / name).unlink()
    (note,) = Release(kaggle).notes
    assert note.startswith(f"the release lacks {OTHERS[0][4:]}, {OTHERS[1][4:]}, whose ")


def test_a_table_that_is_only_alike_is_named(kaggle):
    for name in OTHERS:
        (kaggle / name).unlink()
    (kaggle / MASS).rename(kaggle / "csv/mass_train.csv")
    with pytest.raises(CbisError, match=r"did you mean csv/mass_train\.csv\?"):
        Release(kaggle)


def test_png_copies(healthy, kaggle):
    """Beside the JPEGs they are left out; in their place they are taken."""
    for path in kaggle.glob("jpeg/*/*.jpg"):
        shutil.copyfile(path, path.with_suffix(".png"))
    assert identity(kaggle) == identity(healthy.folder)
    assert Release(kaggle).notes == []
    for path in kaggle.glob("jpeg/*/*.jpg"):
        path.unlink()
    assert identity(kaggle)[:2] == identity(healthy.folder)[:2]
    assert Release(kaggle).notes == ["images that end in .png were read in place of .jpg"]


@pytest.mark.parametrize(
    ("tables", "given"),
    [
        ("..", "release"), ("../csv", "release"), (".", "release/CBIS-DDSM"),
        ("csv", "release/CBIS-DDSM"), ("..", "release/CBIS-DDSM"), ("../csv", "release/CBIS-DDSM"),
        ("../CSV", "release/CBIS-DDSM"), ("a/b", "release"), (".", ""),
    ],
)  # fmt: skip
def test_tables_of_dicoms_above_and_below(converted, dicom, tables, given):
    expected = Release(converted)
    aside = (dicom / "csv").rename(dicom / "aside")
    (dicom / tables).mkdir(parents=True, exist_ok=True)
    for path in aside.iterdir():
        path.rename(dicom / tables / path.name)
    aside.rmdir()
    found = Release(dicom.parent / given)
    assert found.dicom
    assert found.lesions() == expected.lesions()
    for lesion in found.lesions()[0]:
        for uid in (lesion.image_uid, *lesion.mask_uids):
            names = [Path(name).name for name in expected.files(uid)]
            assert [Path(name).name for name in found.files(uid)] == names != []


@pytest.mark.parametrize("beside", [False, True], ids=["tables in it", "tables beside it"])
def test_dicoms_in_an_archive(converted, dicom, tmp_path, beside):
    expected = identity(converted)
    if beside:
        shutil.move(dicom / "csv", tmp_path / "csv")
    archive = packed(dicom, tmp_path / "it.zip", lambda name: f"manifest/{name}" * (not beside)
                     or name)  # fmt: skip
    assert Release(archive).dicom
    assert identity(archive)[:2] == expected[:2]
    shutil.rmtree(dicom)
    assert identity(tmp_path)[:2] == expected[:2]


@pytest.mark.parametrize("name", ["{stem}", "{stem}.dicom", "IM{stem}", "1.2.840.{stem}"])
def test_dicoms_with_another_suffix_or_none(converted, dicom, name):
    expected = identity(converted)
    for path in sorted(dicom.glob("CBIS-DDSM/*/*/*/*.dcm")):
        path.rename(path.with_name(name.format(stem=path.stem)))
        (path.parent / "LICENSE").write_text("by")
    (dicom / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
    found = identity(dicom)
    assert found[:2] == expected[:2]
    assert found[0][1] == []


def test_a_path_that_is_misspelt(kaggle):
    with pytest.raises(CbisError, match=rf"does not exist; .*did you mean {kaggle}\?"):
        Release(kaggle.with_name("Relaese"))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"Rar!\x1a\7\0", "a RAR archive"),
        (b"\x1f\x8b\x08", "a gzip file"),
        (bytes(257) + b"ustar\0", "a tar archive"),
        (b"downloadServerUrl=https://services", "TCIA's list of what to download"),
        (b"\xff\xd8\xff\xe0", "one JPEG image"),
        (bytes(128) + b"DICM", "one DICOM file"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path, data, what):
    (tmp_path / "it").write_bytes(data)
    with pytest.raises(CbisError, match=f"no readable zip archive \\({what}"):
        Release(tmp_path / "it")


@pytest.mark.parametrize("kind", ["folder", "archive", "tables beside the archive"])
def test_another_process_in_another_folder_reads_the_same(healthy, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(shutil.copytree(healthy.folder, tmp_path / "release"))
    if kind != "folder":
        if kind != "archive":
            shutil.move("csv", tmp_path)
        packed(Path(), tmp_path / "it.zip", lambda name: f"a/{name}")
    given = Path() if kind == "folder" else Path("../it.zip")
    with Release(given) as release:
        expected = release.lesions()
        sent = pickle.dumps(release)
    monkeypatch.chdir("/")
    with pickle.loads(sent) as release:
        assert release.lesions() == expected
        for lesion in expected[0]:
            assert release.read(release.files(lesion.image_uid)[0])


def test_links_in_a_circle(healthy, kaggle):
    for name in ("csv/again", "jpeg/again", "again"):
        (kaggle / name).symlink_to(kaggle)
    assert identity(kaggle) == identity(healthy.folder)
    top = moved(kaggle, "archive")
    (top / "again").symlink_to(top)
    assert Release(top).lesions() == Release(healthy.folder).lesions()


def test_jpegs_that_no_series_folder_holds(kaggle):
    for path in kaggle.glob("jpeg/*/*.jpg"):
        path.rename(kaggle / f"{path.parent.name}-{path.name}")
    with pytest.raises(
        CbisError, match=r"no jpeg/<SeriesInstanceUID>/\*\.jpg; give .*csv/mass_case"
    ):
        Release(kaggle)
