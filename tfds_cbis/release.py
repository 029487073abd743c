"""CBIS-DDSM's Kaggle release: read access to its CSVs and series folders."""

import hashlib
import lzma
import struct
import threading
import zipfile
import zlib
from pathlib import Path

from jaxcbis.errors import UserError
from tfds_cbis.cases import CSV_NAMES, TYPES, Lesion, distinct, parse

IMAGE_SUFFIXES = (".jpg", ".jpeg")
#: More than any file of the release has: what says so is damaged, or made to fill the memory.
MAX_BYTES = 250_000_000
#: What zipfile raises on a damaged archive, an encrypted member or an unknown compression.
DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, RuntimeError,
    struct.error,
)  # fmt: skip


class Release:
    """Read access to an unpacked folder or an `archive.zip` with `csv/` and `jpeg/`.

    Safe to read from several threads; a member of an archive is read on its own.

    Args:
        path: the folder, or the archive.

    Raises:
        UserError: if the path is missing, no archive, or lacks the CSVs or `jpeg/`.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self._zip: zipfile.ZipFile | None = None
        self._lock = threading.Lock()
        if self.path.is_dir():
            self._sizes = {
                file.relative_to(self.path).as_posix(): file.stat().st_size
                for pattern in ("csv/*", "jpeg/*/*")
                for file in self.path.glob(pattern)
                if file.is_file()
            }
        elif self.path.is_file():
            try:
                self._zip = zipfile.ZipFile(self.path)
            except (*DAMAGE, OSError) as error:
                raise UserError(
                    f"{self.path} is no readable zip archive ({error}); give the release's "
                    "unpacked folder or its complete archive.zip"
                ) from error
            self._sizes = {
                member.filename: member.file_size
                for member in self._zip.infolist()
                if not member.is_dir()
            }
        else:
            raise UserError(
                f"{self.path} does not exist; give the CBIS-DDSM release's unpacked folder "
                "or its archive.zip"
            )
        self._files: dict[str, list[str]] = {}
        for name in sorted(self._sizes):
            parts = name.split("/")
            if len(parts) == 3 and parts[0] == "jpeg" and name.lower().endswith(IMAGE_SUFFIXES):
                self._files.setdefault(parts[1], []).append(name)
        if not self.csv_files:
            raise UserError(
                f"{self.path} holds no case-description CSV; expected csv/"
                f"{CSV_NAMES['mass', 'train']} and its like beside jpeg/"
            )
        if not self._files:
            raise UserError(
                f"{self.path} holds no jpeg/<SeriesInstanceUID>/*.jpg; give the folder or "
                "archive that holds both csv/ and jpeg/"
            )

    @property
    def csv_files(self) -> dict[tuple[str, str], str]:
        """Names of the case-description files that are present, by (type, split)."""
        return {
            key: f"csv/{name}" for key, name in CSV_NAMES.items() if f"csv/{name}" in self._sizes
        }

    def files(self, uid: str) -> list[str]:
        """Names of the images in a series folder, sorted; empty where there is no folder."""
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
            raise UserError(
                f"cannot read {self.path / name}: {error}; fetch the release's file again"
            ) from error

    def lesions(self) -> tuple[list[Lesion], list[dict[str, str]]]:
        """Returns the lesions of all four CSVs, and what was dropped as `{id, reason}`.

        Raises:
            UserError: if a CSV cannot be read or lacks a column, or if none has a row.
        """
        found: list[Lesion] = []
        for (stem, split), name in self.csv_files.items():
            where = str(self.path / name)
            data = self._read_csv(name)
            found += parse(data, abnormality_type=TYPES[stem], split=split, where=where)
        if not found:
            raise UserError(
                f"the case-description CSVs in {self.path / 'csv'} hold no row; "
                "expected one row per abnormality"
            )
        return distinct(found)

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
