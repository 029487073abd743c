"""Where a process keeps caches and data sets, whether its user's HOME can hold them or not.

Libraries look for their places in the environment, each by itself, and each fails in its own way
where there is no HOME or nothing can be written to it, as in many containers.
"""

import contextlib
import errno
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from jaxcbis.machine import files

#: Bytes that a place for caches must be able to take.
ROOM = 2**22
#: Data sets of ours, in TFDS's folder of all.
_OURS = "cbis_ddsm_*"
#: ImageNet weights of ours, in Hugging Face's folder of all.
_WEIGHTS = "hub/models--timm--*.tv_in1k"
#: What the names of our temporary folders begin with.
_PREFIX = "jaxcbis-"


class Settled(NamedTuple):
    """What a process is to change, so that all of its libraries have places to write to.

    Attributes:
      changes: to its environment; None for what to leave out.
      said: what the user must know of it, a line each.
    """

    changes: dict[str, str | None]
    said: list[str]


def settle(environment: Mapping[str, str]) -> Settled:
    """Finds a place for everything that is kept.

    What is set to nothing counts as not set, and so does an XDG folder that is not absolute, as the
    XDG Base Directory Specification has it. In the place of one that cannot be written to comes a
    temporary folder, the same one at every start.

    Args:
      environment: of the process.
    """
    changes: dict[str, str | None] = dict.fromkeys(_void(environment))
    home = _home(environment)
    cache, data = _cache(environment, home), home / "tensorflow_datasets" if home else None
    lost: dict[str, str] = {}
    if not _takes(cache):
        lost["XDG_CACHE_HOME"] = f"compiled programs and weights ({cache or 'no HOME'})"
    elif cache and not environment.get("MPLCONFIGDIR"):
        config = _xdg(environment, "XDG_CONFIG_HOME", home, ".config")
        if not config or not _can_be_made(config / "matplotlib"):
            changes["MPLCONFIGDIR"] = str(cache / "matplotlib")  # or it says that it takes another
    if not environment.get("TFDS_DATA_DIR") and not _holds(data):
        lost["TFDS_DATA_DIR"] = f"data sets without --data-dir ({data or 'no HOME'})"
    if not lost:
        return Settled(changes, [])
    told = f"no place that can be written to for {' and '.join(lost.values())}"
    advice = f"set {' and '.join(lost)} to folders that last"
    temporary = _temporary()
    if temporary is None:
        return Settled(changes, [f"{told}, nor one for temporary files; {advice}, or TMPDIR"])
    if "XDG_CACHE_HOME" in lost:
        changes |= _caches(environment, cache, temporary / "cache")
    if "TFDS_DATA_DIR" in lost:
        changes["TFDS_DATA_DIR"] = str(temporary / "tensorflow_datasets")
    return Settled(changes, [f"{told}: they are kept in {temporary}; {advice}"])


def compiled(environment: Mapping[str, str]) -> Path | None:
    """The folder of compiled programs, so that a second start does not compile again.

    Args:
      environment: settled.

    Returns:
      None where nothing can be kept.
    """
    base = _cache(environment, _home(environment))
    return base / "jaxcbis" / "compiled" if base and _takes(base) else None


def passing(environment: Mapping[str, str]) -> str | None:
    """What a run that keeps its data set where `settle` has put it must tell; None elsewhere.

    Args:
      environment: settled.
    """
    folder = Path(environment.get("TFDS_DATA_DIR", ""))
    ours = folder.parent.name.startswith(_PREFIX)
    if not ours or folder.parent.parent != Path(tempfile.gettempdir()):
        return None
    return (
        f"the data set is kept among temporary files, in {folder}: once these are deleted it is "
        "prepared again; give --data-dir, or set TFDS_DATA_DIR"
    )


def _void(environment: Mapping[str, str]) -> list[str]:
    """What is set and has no meaning, but would make folders of strange names."""
    xdg = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
    others = ("HOME", "TFDS_DATA_DIR", "HF_HOME", "HF_HUB_CACHE", "MPLCONFIGDIR")
    return [name for name in others if environment.get(name) == ""] + [
        name for name in xdg if name in environment and not os.path.isabs(environment[name])
    ]


def _caches(
    environment: Mapping[str, str], cache: Path | None, instead: Path
) -> dict[str, str | None]:
    """What to change for caches to lie in another folder."""
    changes: dict[str, str | None] = {"XDG_CACHE_HOME": str(instead)}
    if not environment.get("MPLCONFIGDIR"):
        changes["MPLCONFIGDIR"] = str(instead / "matplotlib")
    given = (environment.get(name) for name in ("HF_HOME", "HF_HUB_CACHE"))
    weights = cache / "huggingface" if cache else None
    # What lies there can still be read; without any of ours, they are to be fetched to elsewhere.
    if weights and not any(given) and _has(weights, _WEIGHTS):
        changes["HF_HOME"] = str(weights)
    return changes


def _home(environment: Mapping[str, str]) -> Path | None:
    """HOME, or what the system has for this user; None where it knows none, as in a container."""
    if environment.get("HOME"):
        return Path(environment["HOME"])
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None


def _cache(environment: Mapping[str, str], home: Path | None) -> Path | None:
    return _xdg(environment, "XDG_CACHE_HOME", home, ".cache")


def _xdg(
    environment: Mapping[str, str], variable: str, home: Path | None, name: str
) -> Path | None:
    """A folder of the XDG Base Directory Specification, or what stands for it in a home."""
    given = environment.get(variable, "")
    if os.path.isabs(given):
        return Path(given)
    return home / name if home else None


def _takes(cache: Path | None) -> bool:
    """Whether ours can be made in a cache and takes ROOM, as a full disk or a quota does not."""
    if cache is None:
        return False
    try:
        (cache / "jaxcbis").mkdir(parents=True, exist_ok=True)
        files.reserve(cache / "jaxcbis", ROOM)
    except OSError as error:
        return error.errno == errno.EFBIG  # a limit on the size of files holds everywhere
    return True


def _holds(data: Path | None) -> bool:
    """Whether data sets can be kept in a folder that may be yet to be made, or lie there."""
    return data is not None and (_can_be_made(data) or _has(data, _OURS))


def _has(folder: Path, pattern: str) -> bool:
    try:
        return any(folder.glob(pattern))
    except OSError:  # one above it cannot be searched, as root's home by another user
        return False


def _can_be_made(folder: Path) -> bool:
    """Whether a folder that may be yet to be made takes ROOM."""
    there = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    try:
        writable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
        return writable and shutil.disk_usage(there).free >= ROOM
    except OSError:
        return False


def _temporary() -> Path | None:
    """A folder of this user alone, for what comes again; None where nothing can be written.

    Its name is known to everybody on the machine, so it counts only if nobody else can have made
    it or can write to it: compiled programs are run.
    """
    try:
        folder = Path(tempfile.gettempdir()) / f"{_PREFIX}{os.getuid()}"
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        seen = folder.lstat()
        alone = seen.st_uid == os.getuid() and not seen.st_mode & 0o077
        if stat.S_ISDIR(seen.st_mode) and alone:
            return folder
        return Path(tempfile.mkdtemp(prefix=_PREFIX))
    except OSError:
        return None
