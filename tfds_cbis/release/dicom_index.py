"""Which series DICOM files belong to: their headers tell, whatever the folders' names."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tfds_cbis.release.dicom import opened, require_pydicom
from tfds_cbis.release.heard import heard

#: Reading a header is mostly waiting for the disk.
THREADS = 8


def series(folder: Path, names: Iterable[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Reads the headers of DICOM files.

    Args:
      folder: what the names are relative to.
      names: of the files.

    Returns:
      Names by SeriesInstanceUID, in the order given, and those of files without a readable one.

    Raises:
      CbisError: pydicom is not installed.
    """
    require_pydicom(f"the DICOM release {folder}")
    names = list(names)
    with ThreadPoolExecutor(THREADS) as pool:
        uids = pool.map(_series_uid, (folder / name for name in names))
    found: dict[str, list[str]] = {}
    for name, uid in zip(names, uids, strict=True):
        found.setdefault(uid, []).append(name)
    return found, found.pop("", [])


def _series_uid(path: Path) -> str:
    try:
        with heard(), path.open("rb") as file:
            header = opened(file, stop_before_pixels=True, specific_tags=["SeriesInstanceUID"])
        return str(header.SeriesInstanceUID)
    except Exception:  # a damaged file raises many kinds
        return ""
