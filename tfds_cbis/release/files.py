"""CBIS-DDSM's releases: read access to their CSVs and to the images of each series."""

import hashlib
from pathlib import Path

from tfds_cbis.errors import CbisError, shorten
from tfds_cbis.release import dicom_index
from tfds_cbis.release.cases import TYPES, Lesion
from tfds_cbis.release.faults import distinct
from tfds_cbis.release.opening import opened
from tfds_cbis.release.rows import parse

UNREAD = "unreadable DICOM header: which series it belongs to is not known"


class Release:
    """Read access to the Kaggle release or the DICOM release, told apart by content.

    The Kaggle release is an unpacked folder or an `archive.zip` with `csv/` and `jpeg/`. The DICOM
    release is a folder or an archive with `*.dcm` files at any depth, as any download tool of TCIA
    lays them out, and with the case-description files in it, in its `csv/` or above it. What
    `opening` and `layout` take besides is told in `notes`.

    Safe to read from several threads. A context manager: at its end the archive is closed.

    Args:
      path: the folder, or the archive.

    Attributes:
      path: of the folder or the archive that is read.
      dicom: whether the images are DICOM files.
      csv_files: names of the case-description files that are present, by (type, split).
      notes: what was taken that is not as documented, and which CSVs are missing.

    Raises:
      CbisError: if the path is missing, no archive, or lacks the CSVs or the images, or if pydicom
        is needed and not installed.
    """

    def __init__(self, path: Path):
        self._store, found = opened(Path(path))
        self.notes = found.notes
        self.path = self._store.path
        self.csv_files = found.tables
        self.dicom = bool(found.dicoms)
        self._base, self._sizes = found.base, found.sizes
        self._files = found.jpegs
        self._unread: dict[str, str] = {}
        if self.dicom:
            try:
                index = dicom_index.index(self._store, found.dicoms)
            except CbisError:
                self.close()
                raise
            self._files, self._unread = index.series, index.unread
            if count := len(index.pictureless):
                name, kind = next(iter(index.pictureless.items()))
                are = "1 of the DICOM files is" if count == 1 else f"{count} DICOM files are"
                self.notes.append(f"{are} no picture, {shorten(name)} the first: {kind}")

    def __enter__(self) -> "Release":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the archive; of a folder nothing is open."""
        self._store.close()

    def files(self, uid: str) -> list[str]:
        """Names of the images of a series, sorted; empty where there is none."""
        return self._files.get(uid, [])

    def read(self, name: str) -> bytes:
        """Returns a file's bytes; OSError where the disk or the archive fails, or it is huge."""
        return self._store.read(name)

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
        unread = [
            {"id": name, "reason": UNREAD + f": it is {kind}" * bool(kind)}
            for name, kind in self._unread.items()
        ]
        return kept, dropped + unread

    def fingerprint(self, *, background_size: int | None) -> str:
        """Returns a SHA-256 over the CSVs' bytes, the images' names and sizes, and the option.

        Names count from the folder that holds the release, wherever in an archive that is.
        """
        digest = hashlib.sha256(f"background_size={background_size}\n".encode())
        for name in self.csv_files.values():
            digest.update(self._line(name) + self._read_csv(name))
        for files in sorted(self._files.values()):
            for name in files:
                digest.update(self._line(name))
        return digest.hexdigest()

    def _line(self, name: str) -> bytes:
        line = f"{name.removeprefix(self._base)} {self._sizes[name]}\n"
        return line.encode(errors="surrogateescape")  # a name may hold bytes that are no UTF-8
