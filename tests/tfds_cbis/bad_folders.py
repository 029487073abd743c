"""Damage to the folder: strange files, links, and parts that are missing."""

import os
import shutil

from tests.tfds_cbis.damage import damage
from tests.tfds_cbis.healthy_release import Case


def beside(name: str, make) -> None:
    """Enters a damage that adds something to the folders of a mask and of a mammogram."""

    def apply(case: Case, pick: int, share: float) -> None:
        known = list(case.lesions.values())[pick % len(case.lesions)]
        for file in (known.image, known.mask):
            folder = os.path.dirname(os.fsencode(case.path(file)))
            if os.path.isdir(folder):
                make(folder)

    apply.__name__ = name
    damage("kept", stage="folder")(apply)


def file_of(name: bytes, content: bytes = b"\0"):
    def make(folder: bytes) -> None:
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)

    return make


beside("Thumbs.db", file_of(b"Thumbs.db"))
beside("AppleDouble file", file_of(b"._1-1.jpg", b"\0\5\x16\7"))
beside("empty jpg", file_of(b"0-0.jpg", b""))
beside("name in Latin-1", file_of(b"\xe4\xff.jpg"))
beside("name of two lines", file_of(b"0\nTraceback (most recent call last).jpg"))
beside("folder with an image's name", lambda folder: os.mkdir(os.path.join(folder, b"0-4.jpg")))
beside("link to nothing", lambda folder: os.symlink(b"nothing", os.path.join(folder, b"0-5.jpg")))
beside("link to itself", lambda folder: os.symlink(b"0-1.jpg", os.path.join(folder, b"0-1.jpg")))
beside("link to its folder", lambda folder: os.symlink(b".", os.path.join(folder, b"0")))
beside(
    "link to a device", lambda folder: os.symlink(b"/dev/zero", os.path.join(folder, b"0-2.jpg"))
)
beside("pipe", lambda folder: os.mkfifo(os.path.join(folder, b"0-3.jpg")))


@damage("kept")
def strange_files_everywhere(case: Case, pick: int, share: float) -> None:
    for name in (
        "notes.txt",
        "csv/meta.csv",
        "csv/._x.csv",
        "jpeg/1-1.jpg",
        "jpeg/.hidden/1-1.jpg",
        "jpeg/a/b/c/1-1.jpg",
        "0.jpg",
    ):
        case.write(name, b"\xff\xd8 nothing \xff\xd9")


@damage("kept")
def image_by_a_link(case: Case, pick: int, share: float) -> None:
    """A release may lie on several disks."""
    names = sorted(path for path in case.folder.glob("jpeg/*/*.jpg") if path.is_file())
    path = names[pick % len(names)]
    target = case.folder.parent / "elsewhere.jpg"
    path.rename(target)
    path.symlink_to(target)


@damage("kept")
def jpeg_by_a_link(case: Case, pick: int, share: float) -> None:
    target = case.folder.parent / "elsewhere"
    case.path("jpeg").rename(target)
    case.path("jpeg").symlink_to(target)


@damage("dropped", "missing m")
def image_is_a_link_in_a_circle(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    path = case.path((known.image, known.mask)[pick % 2])
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)
    return {known.id} if pick % 2 else case.ids(case.of_view(known))


@damage("dropped", "missing m")
def series_folder_is_missing(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    folder = case.path((known.image, known.mask)[pick % 2]).parent
    shutil.rmtree(folder)
    if pick % 3:
        folder.write_bytes(b"a file in a folder's place")
    return {known.id} if pick % 2 else case.ids(case.of_view(known))


def _lose(case: Case, name: str) -> None:
    path = case.path(name)
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


@damage("refused", "no case-description CSV")
def no_csv_folder(case: Case, pick: int, share: float) -> None:
    _lose(case, "csv")


@damage("refused", "no jpeg/<SeriesInstanceUID>|no case-description CSV")
def no_jpeg_folder(case: Case, pick: int, share: float) -> None:
    _lose(case, "jpeg")


@damage("refused", "no jpeg/<SeriesInstanceUID>|no case-description CSV")
def jpeg_is_a_link_in_a_circle(case: Case, pick: int, share: float) -> None:
    _lose(case, "jpeg")
    case.path("jpeg").symlink_to("jpeg")


@damage("refused", "does not exist|no case-description CSV")
def no_release(case: Case, pick: int, share: float) -> None:
    case.folder.rename(case.folder.with_name("gone"))
    if pick % 2:
        case.folder.mkdir()
