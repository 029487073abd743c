"""From the path that was given to the folder or archive that holds the release."""

import difflib
import os
from pathlib import Path

from tfds_cbis.errors import CbisError
from tfds_cbis.release import layout
from tfds_cbis.release.layout import Layout
from tfds_cbis.release.stores import Archive, Folder, is_table, is_uid


def opened(given: Path) -> tuple[Folder | Archive, Layout]:
    """Opens what was given, a part of the release's folder or a folder with its archive, too.

    Returns:
      Where the files are, and which of them are the release.

    Raises:
      CbisError: there is no release, or more than one.
    """
    path = _root(given)
    if not path.exists():
        raise CbisError(
            f"{path} does not exist; give the CBIS-DDSM release's unpacked folder or its "
            f"archive.zip{_alike(path)}"
        )
    store, found = _in_folder(path) if path.is_dir() else _in_archive(path)
    if path != given:
        found.notes.insert(0, f"{path} was read: {given} is a part of it")
    return store, found


def _root(given: Path) -> Path:
    """The release's folder, if a part of it was given; else what was given."""
    path = Path(os.path.abspath(given))
    if path.is_file() and is_table(path.name):
        path = path.parent
    if path.name.lower() == "csv" and path.is_dir():
        return path.parent
    series = path.parent if is_uid(path.name) else path
    if series.name.lower() == "jpeg" and "csv" in map(str.lower, _entries(series.parent)):
        return series.parent
    return path if given.is_file() and is_table(given.name) else given


def _in_folder(path: Path) -> tuple[Folder | Archive, Layout]:
    """The release in a folder or, if that holds none, in the one archive there that does."""
    folder = Folder(path)
    try:
        return folder, layout.find(folder)
    except CbisError as error:
        misfit = error
    fitting: list[tuple[Archive, Layout]] = []
    for file in sorted(path.iterdir()):
        if file.suffix.lower() == ".zip" and file.is_file():
            try:
                fitting.append(_in_archive(file))
            except CbisError as error:
                misfit = error
    if len(fitting) == 1:
        fitting[0][1].notes.insert(0, f"{fitting[0][0].path} was read")
        return fitting[0]
    for store, _ in fitting:
        store.close()
    if fitting:
        raise CbisError(
            f"{path} holds the release in several archives; give one of them: did you mean "
            f"{', '.join(str(store.path) for store, _ in fitting)}?"
        )
    raise misfit


def _in_archive(path: Path) -> tuple[Archive, Layout]:
    archive = Archive(path)
    try:
        return archive, layout.find(archive)
    except BaseException:
        archive.close()
        raise


def _alike(path: Path) -> str:
    """What else may have been meant by a path that does not exist."""
    names = {name.lower(): name for name in _entries(path.parent)}
    close = difflib.get_close_matches(path.name.lower(), names, n=1)
    return f"; did you mean {path.parent / names[close[0]]}?" if close else ""


def _entries(folder: Path) -> list[str]:
    """What a folder holds; nothing if it cannot be read."""
    try:
        return os.listdir(folder)
    except OSError:
        return []
