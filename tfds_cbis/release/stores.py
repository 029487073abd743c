"""Where a release's files lie: a folder or a zip archive, read in the same way."""

import io
import lzma
import os
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn

from tfds_cbis.errors import CbisError

#: How many folders below what was given a release's tables may lie, `csv/` counted.
DEPTH = 6
#: Where tables may lie above it, there or in `csv/`.
ABOVE = ("../", "../../")
#: More than any file of the release has: what says so is damaged, or made to fill the memory.
MAX_BYTES = 250_000_000
#: More than a DICOM file has in front of its series' UID.
HEADER = 2**18
#: What zipfile raises on a damaged archive, an encrypted member or an unknown compression.
DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, RuntimeError,
    struct.error,
)  # fmt: skip
#: What people give in a zip archive's place, by the bytes at an offset.
OTHERS = {
    (0, b"Rar!"): "a RAR archive, to be unpacked first",
    (0, b"7z\xbc\xaf\x27\x1c"): "a 7z archive, to be unpacked first",
    (0, b"\x1f\x8b"): "a gzip file, to be unpacked first",
    (257, b"ustar"): "a tar archive, to be unpacked first",
    (0, b"\xff\xd8"): "one JPEG image",
    (0, b"\x89PNG"): "one PNG image",
    (128, b"DICM"): "one DICOM file",
    (0, b"version https://git-lfs"): "a pointer of Git LFS, not the archive: git lfs pull",
    (0, b"downloadServerUrl"): "TCIA's list of what to download, for the NBIA Data Retriever",
}


class Folder:
    """A release's folder. Names are relative to it, with slashes.

    Args:
      path: the folder.
    """

    def __init__(self, path: Path):
        self.path = path

    def tables(self) -> dict[str, int]:
        """Sizes of the CSVs not far below the folder or above it, by name."""
        below = _files(self.path, "", DEPTH, lambda name: not is_uid(name))
        return {name: size for name, size in below if is_table(name)} | _tables_above(
            self.path, ABOVE
        )

    def near(self) -> dict[str, int]:
        """Sizes of all files not far below the folder, by name."""
        return dict(_files(self.path, "", DEPTH))

    def below(self, place: str) -> dict[str, int]:
        """Sizes of all files below a place, '' or one that ends in a slash, by name."""
        return dict(_files(self.path, place))

    def read(self, name: str) -> bytes:
        """Returns a file's bytes; OSError where the disk fails, or it is huge."""
        _require_size((self.path / name).stat().st_size)
        return (self.path / name).read_bytes()

    def header(self, name: str) -> BinaryIO:
        """Opens a file of which only the beginning is read."""
        return (self.path / name).open("rb")

    def close(self) -> None:
        """Nothing is open."""

    def __getstate__(self) -> dict:
        return {"path": self.path.resolve()}  # another process may run in another folder


class Archive:
    """A release's zip archive; tables beside it count as well, as `../NAME`.

    Safe to read from several threads; a member is read on its own.

    Args:
      path: the archive.

    Raises:
      CbisError: it is no zip archive.
    """

    def __init__(self, path: Path):
        self.path = path
        self._lock = threading.Lock()
        try:
            self._zip = zipfile.ZipFile(path)
        except (*DAMAGE, OSError) as error:
            raise CbisError(
                f"{path} is no readable zip archive ({_other(path) or error}); give the release's "
                "unpacked folder or its complete archive.zip"
            ) from error
        self._members = {
            name: member
            for member in self._zip.infolist()
            if not member.is_dir() and (name := _name(member.filename))
        }

    def tables(self) -> dict[str, int]:
        """Sizes of the CSVs not far below its top, and of those beside it, by name."""
        inside = self.below("")
        return {
            name: size
            for name, size in inside.items()
            if is_table(name) and name.count("/") <= DEPTH
        } | _tables_above(self.path.parent, ABOVE[:1], up="../")

    def near(self) -> dict[str, int]:
        """Sizes of all members, by name."""
        return self.below("")

    def below(self, place: str) -> dict[str, int]:
        """Sizes of all members below a place, '' or one that ends in a slash, by name."""
        found = self._members.items()
        return {name: member.file_size for name, member in found if name.startswith(place)}

    def read(self, name: str) -> bytes:
        """Returns a member's bytes; OSError where the archive is damaged, or it is huge."""
        if name not in self._members:
            return Folder(self.path.parent).read(name.removeprefix("../"))
        _require_size(self._members[name].file_size)
        with self._lock:
            try:
                return self._zip.read(self._members[name])
            except DAMAGE as error:
                _damaged(error)

    def header(self, name: str) -> BinaryIO:
        """The beginning of a member."""
        with self._lock:
            try:
                with self._zip.open(self._members[name]) as file:
                    return io.BytesIO(file.read(HEADER))
            except DAMAGE as error:
                _damaged(error)

    def close(self) -> None:
        """Closes the archive."""
        self._zip.close()

    def __getstate__(self) -> dict:
        return {"path": self.path.resolve()}

    def __setstate__(self, state: dict) -> None:
        self.__init__(state["path"])  # type: ignore[misc]


def is_table(name: str) -> bool:
    """Whether a file is a CSV by its name."""
    return name.lower().endswith(".csv")


def is_uid(name: str) -> bool:
    """Whether a folder is named as a series is: numbers and points."""
    return name.count(".") > 1 and name.replace(".", "").isdigit()


def _files(
    folder: Path, place: str, depth: int = -1, descend: Callable[[str], bool] = lambda _: True
) -> Iterator[tuple[str, int]]:
    """Names and sizes of files below a place; links are followed, but not in circles."""
    left = [(place, depth, frozenset[tuple[int, int]]())]
    while left:
        at, levels, above = left.pop()
        try:
            status = (folder / at).stat()
            entries = sorted(os.scandir(folder / at), key=lambda entry: entry.name)
        except OSError:
            continue
        here = status.st_dev, status.st_ino
        if here in above:
            continue
        for entry in entries:
            if _is_by_the_way(entry.name):
                continue
            try:
                if entry.is_file():
                    yield at + entry.name, entry.stat().st_size
                elif levels and entry.is_dir() and descend(entry.name):
                    left.append((f"{at}{entry.name}/", levels - 1, above | {here}))
            except OSError:  # a link in a circle
                continue


def _tables_above(folder: Path, places: tuple[str, ...], up: str = "") -> dict[str, int]:
    return {
        up + name: size
        for place in places
        for name, size in _files(folder, place.removeprefix(up), 1, _is_csv_folder)
        if is_table(name)
    }


def _is_csv_folder(name: str) -> bool:
    return name.lower() == "csv"


def _is_by_the_way(name: str) -> bool:
    """Whether a file or folder is none of the release's: what systems leave beside files."""
    return name.startswith(".") or name == "__MACOSX"


def _name(member: str) -> str:
    """A member's name in the form of a folder's; '' if it is none of the release's."""
    if "/" not in member:
        member = member.replace("\\", "/")  # as programs for Windows write them
    parts = [part for part in member.split("/") if part not in ("", ".")]
    return "" if any(map(_is_by_the_way, parts)) else "/".join(parts)


def _require_size(size: int) -> None:
    if size > MAX_BYTES:
        raise OSError(f"{size} bytes, more than any file of the release has")


def _damaged(error: Exception) -> NoReturn:
    raise OSError(f"damaged archive member: {error}") from error


def _other(path: Path) -> str:
    """What a file is that is no zip archive; '' if that is not known."""
    try:
        with path.open("rb") as file:
            data = file.read(512)
    except OSError:
        return ""
    found = (what for (start, sign), what in OTHERS.items() if data[start:].startswith(sign))
    return next(found, "")
