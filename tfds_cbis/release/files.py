"""CBIS-DDSM's releases: read access to their CSVs and to the images of each series."""

import hashlib
import lzma
import struct
import threading
import zipfile
import zlib
from pathlib import Path

from tfds_cbis.errors import CbisError
from tfds_cbis.release import dicom_index
from tfds_cbis.release.cases import CSV_NAMES, TYPES, Lesion
from tfds_cbis.release.faults import distinct
from tfds_cbis.release.rows import parse

IMAGE_SUFFIXES = (".jpg", ".jpeg")
#: Where the case-description files of a DICOM release may lie: TCIA serves them by themselves.
DICOM_CSV_PLACES = ("", "csv/", "../")
UNREAD = "unreadable DICOM header: which series it belongs to is not known"
#: More than any file of the release has: what says so is damaged, or made to fill the memory.
MAX_BYTES = 250_000_000
#: What zipfile raises on a damaged archive, an encrypted member or an unknown compression.
DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, RuntimeError,
    struct.error,
)  # fmt: skip


class Release:
    """Read access to the Kaggle release or the DICOM release, told apart by content.

    The Kaggle release is an unpacked folder or an `archive.zip` with `csv/` and `jpeg/`. The DICOM
    release is a folder with `*.dcm` files at any depth, as any download tool of TCIA lays them out,
    and with the case-description files in it, in its `csv/` or beside it.

    Safe to read from several threads; a member of an archive is read on its own. A context manager:
    at its end the archive is closed.

    Args:
      path: the folder, or the archive.

    Attributes:
      dicom: whether the images are DICOM files.
      csv_files: names of the case-description files that are present, by (type, split).

    Raises:
      CbisError: if the path is missing, no archive, or lacks the CSVs or the images, or if pydicom
        is needed and not installed.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self.dicom = False
        self._lock = threading.Lock()
        self._zip: zipfile.ZipFile | None = None
        self._unread: list[str] = []
        if self.path.is_dir():
            self._sizes = self._list("csv/*", "jpeg/*/*")
        elif self.path.is_file():
            self._zip, self._sizes = _opened(self.path)
        else:
            raise CbisError(
                f"{self.path} does not exist; give the CBIS-DDSM release's unpacked folder "
                "or its archive.zip"
            )
        self._files: dict[str, list[str]] = {}
        for name in sorted(self._sizes):
            parts = name.split("/")
            if len(parts) == 3 and parts[0] == "jpeg" and name.lower().endswith(IMAGE_SUFFIXES):
                self._files.setdefault(parts[1], []).append(name)
        self.csv_files = self._csvs_in("csv/")
        if not self._files and self._zip is None:
            self._look_for_dicom()
        self._require_both()

    def __enter__(self) -> "Release":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the archive; of a folder nothing is open."""
        if self._zip is not None:
            self._zip.close()

    def __getstate__(self) -> dict:
        """For another process: what was found is not looked for again."""
        state = self.__dict__ | {"path": self.path.resolve(), "_zip": self._zip is not None}
        del state["_lock"]
        return state

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state, _lock=threading.Lock())
        self._zip = zipfile.ZipFile(self.path) if state["_zip"] else None

    def _list(self, *patterns: str) -> dict[str, int]:
        """Sizes of the files that match, by name."""
        return {
            file.relative_to(self.path).as_posix(): file.stat().st_size
            for pattern in patterns
            for file in self.path.glob(pattern)
            if file.is_file()
        }

    def _csvs_in(self, place: str) -> dict[tuple[str, str], str]:
        return {key: place + name for key, name in CSV_NAMES.items() if place + name in self._sizes}

    def _look_for_dicom(self) -> None:
        tables = self._list(*(f"{place}*.csv" for place in DICOM_CSV_PLACES))
        self._sizes |= tables
        self.csv_files = next(filter(None, map(self._csvs_in, DICOM_CSV_PLACES)), {})
        if not self.csv_files:
            return  # before the whole of a wrong folder is searched
        images = self._list("**/*.[dD][cC][mM]")
        self._sizes |= images
        self._files, self._unread = dicom_index.series(self.path, sorted(images))
        self.dicom = bool(images)

    def _require_both(self) -> None:
        if self.csv_files and self._files:
            return
        self.close()
        if self.csv_files:
            raise CbisError(
                f"{self.path} holds no jpeg/<SeriesInstanceUID>/*.jpg; give the folder or "
                "archive that holds both csv/ and jpeg/, or a folder that holds *.dcm files"
            )
        raise CbisError(
            f"{self.path} holds no case-description CSV; expected csv/"
            f"{CSV_NAMES['mass', 'train']} and its like beside jpeg/, or, of the DICOM "
            "release, these files in its folder, in csv/ there or beside the folder"
        )

    def files(self, uid: str) -> list[str]:
        """Names of the images of a series, sorted; empty where there is none."""
        return self._files.get(uid, [])

    def read(self, name: str) -> bytes:
        """Returns a file's bytes; OSError where the disk or the archive fails, or it is huge."""
        if self._sizes[name] > MAX_BYTES:
            raise OSError(f"{self._sizes[name]} bytes, more than any file of the release has")
        if self._zip is None:
            return (self.path / name).read_bytes()
        with self._lock:
            try:
                return self._zip.read(name)
            except DAMAGE as error:
                raise OSError(f"damaged archive member: {error}") from error

    def _read_csv(self, name: str) -> bytes:
        try:
            return self.read(name)
        except OSError as error:
            raise CbisError(
                f"cannot read {self.path / name}: {error}; fetch the release's file again"
            ) from error

    def lesions(self) -> tuple[list[Lesion], list[dict[str, str]]]:
        """Returns the lesions of all four CSVs, and what was dropped as `{id, reason}`.

        A DICOM file whose header cannot be read is dropped by its name: whose it is it alone knows.

        Raises:
          CbisError: if a CSV cannot be read or lacks a column, or if none has a row.
        """
        found: list[Lesion] = []
        for (stem, split), name in self.csv_files.items():
            where = str(self.path / name)
            data = self._read_csv(name)
            found += parse(data, abnormality_type=TYPES[stem], split=split, where=where)
        if not found:
            raise CbisError(
                f"the case-description CSVs in {(self.path / name).parent} hold no row; "
                "expected one row per abnormality"
            )
        kept, dropped = distinct(found)
        unread = [{"id": name, "reason": UNREAD} for name in self._unread]
        return kept, dropped + unread

    def fingerprint(self, *, background_size: int | None) -> str:
        """Returns a SHA-256 over the CSVs' bytes, the images' names and sizes, and the option."""
        digest = hashlib.sha256(f"background_size={background_size}\n".encode())
        for name in self.csv_files.values():
            digest.update(f"{name} {self._sizes[name]}\n".encode() + self._read_csv(name))
        for files in sorted(self._files.values()):
            for name in files:
                # A name may hold bytes that are no UTF-8.
                digest.update(f"{name} {self._sizes[name]}\n".encode(errors="surrogateescape"))
        return digest.hexdigest()


def _opened(path: Path) -> tuple[zipfile.ZipFile, dict[str, int]]:
    """An archive, and the sizes of its members by name."""
    try:
        archive = zipfile.ZipFile(path)
    except (*DAMAGE, OSError) as error:
        raise CbisError(
            f"{path} is no readable zip archive ({error}); give the release's "
            "unpacked folder or its complete archive.zip"
        ) from error
    members = (member for member in archive.infolist() if not member.is_dir())
    return archive, {member.filename: member.file_size for member in members}
