"""Which series DICOM files belong to: their headers tell, whatever the folders' names."""

import functools
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from tfds_cbis.release.dicom import opened, require_pydicom
from tfds_cbis.release.heard import heard
from tfds_cbis.release.stores import Archive, Folder

#: Reading a header is mostly waiting for the disk.
THREADS = 8


def series(store: Folder | Archive, names: Iterable[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Reads the headers of DICOM files.

    Args:
      store: where the files are.
      names: of the files there.

    Returns:
      Names by SeriesInstanceUID, in the order given, and those of files without a readable one.

    Raises:
      CbisError: pydicom is not installed.
    """
    require_pydicom(f"the DICOM release {store.path}")
    names = list(names)
    with ThreadPoolExecutor(THREADS) as pool:
        uids = pool.map(functools.partial(_series_uid, store), names)
    found: dict[str, list[str]] = {}
    for name, uid in zip(names, uids, strict=True):
        found.setdefault(uid, []).append(name)
    return found, found.pop("", [])


def _series_uid(store: Folder | Archive, name: str) -> str:
    try:
        with heard(), store.header(name) as file:
            header = opened(file, stop_before_pixels=True, specific_tags=["SeriesInstanceUID"])
        return str(header.SeriesInstanceUID)
    except Exception:  # a damaged file raises many kinds
        return ""
