"""Which series DICOM files belong to: their headers tell, whatever the folders' names."""

import functools
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from tfds_cbis.errors import shorten
from tfds_cbis.release import picture_kinds
from tfds_cbis.release.dicom import BEGINNING, is_dicom, opened, require_pydicom
from tfds_cbis.release.heard import heard
from tfds_cbis.release.stores import Archive, Folder

#: Reading a header is mostly waiting for the disk.
THREADS = 8
#: What is read of a header.
TAGS = ["SOPClassUID", "SeriesInstanceUID", "Rows"]


class Index(NamedTuple):
    """What the headers of DICOM files tell.

    Attributes:
      series: names by SeriesInstanceUID, in the order given.
      unread: files without a readable one, with what they are if that is known, else ''.
      pictureless: files that hold no picture, with what they are.
    """

    series: dict[str, list[str]]
    unread: dict[str, str]
    pictureless: dict[str, str]


class _Header(NamedTuple):
    """Of one file: '' where it tells nothing; the kind where it holds no picture."""

    uid: str
    kind: str


def index(store: Folder | Archive, names: Iterable[str]) -> Index:
    """Reads the headers of DICOM files.

    Args:
      store: where the files are.
      names: of the files there.

    Raises:
      CbisError: pydicom is not installed.
    """
    require_pydicom(f"the DICOM release {store.path}")
    names = list(names)
    with ThreadPoolExecutor(THREADS) as pool:
        headers = list(pool.map(functools.partial(_header, store), names))
    found = Index({}, {}, {})
    for name, (uid, kind) in zip(names, headers, strict=True):
        if not uid:
            found.unread[name] = kind
            continue
        found.series.setdefault(uid, []).append(name)
        if kind:
            found.pictureless[name] = kind
    return found


def _header(store: Folder | Archive, name: str) -> _Header:
    try:
        with heard(), store.header(name) as file:
            header = opened(file, stop_before_pixels=True, specific_tags=TAGS)
            uid, what = str(header.SeriesInstanceUID), header.get("SOPClassUID")
    except Exception:  # a damaged file raises many kinds
        return _Header("", _other(store, name))
    # A class of images that does not tell its size is damaged.
    is_picture = "Rows" in header or not what or "Image" in what.name
    return _Header(uid, "" if is_picture else shorten(what.name))


def _other(store: Folder | Archive, name: str) -> str:
    """What a file is that is no DICOM; '' if that is not known."""
    try:
        with store.header(name) as file:
            data = file.read(BEGINNING)
    except OSError:
        return ""
    return "" if is_dicom(data) else picture_kinds.name(data)
