"""Files that are whole or not there, and disks that have room."""

import contextlib
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from jaxcbis.errors import UserError

#: In a sealed folder: the size and the CRC-32 of each of its files.
SEAL = "sums.json"
ADVICE = "free space there or choose another folder"


@contextlib.contextmanager
def replacing(path: Path | str, advice: str = ADVICE) -> Iterator[IO[bytes]]:
    """A file to write to, which takes the place of `path` once all of it is on the disk.

    A kill or a full disk leaves the file that was there before. What is no regular file, such as
    /dev/stdout or a pipe, is written to as it is.

    Args:
      path: in a folder that exists.
      advice: what to do about a file that cannot be written.

    Raises:
      UserError: the file cannot be written.
    """
    path = Path(path)
    special = path.exists() and not path.is_file()
    target = path.resolve()  # of a link, what it leads to is replaced
    # One name for all times: what a killed process left behind, the next one overwrites.
    partial = target.with_name(f".{target.name}.partial")
    try:
        with (path if special else partial).open("wb") as file:
            yield file
            if not special:
                file.flush()
                os.fsync(file.fileno())
        if not special:
            partial.replace(target)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}; {advice}") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def write(path: Path | str, content: str | bytes | bytearray, advice: str = ADVICE) -> None:
    """Writes a whole file, text as UTF-8, see `replacing`."""
    with replacing(path, advice) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def make_folder(folder: Path, advice: str = ADVICE) -> None:
    """Makes a folder and those above it, if it does not exist.

    Raises:
      UserError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror or error}; {advice}") from error


def require_writable(folder: Path, advice: str = ADVICE) -> None:
    """Makes a folder if it is not there, and tries whether it can be written to.

    Raises:
      UserError: it cannot.
    """
    make_folder(folder, advice)
    try:
        reserve(folder, 1)
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror or error}; {advice}") from error


def reserve(folder: Path, size: int) -> None:
    """Takes `size` bytes of a folder's disk and gives them back.

    That asks the disk itself, which knows quotas and limits that its free space does not tell.

    Raises:
      OSError: they cannot be had, or nothing can be written there.
    """
    # Not tempfile: where a folder cannot be written to, that looks for a name ten thousand times.
    place = folder / ".reserved"
    try:
        with place.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
    finally:
        place.unlink(missing_ok=True)


def seal(folder: Path) -> None:
    """Notes the size and the sum of every file in a folder, for `damage` to compare.

    Raises:
      UserError: the note cannot be written.
    """
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != SEAL]
    sums = {str(path.relative_to(folder)): _sum(path) for path in sorted(paths)}
    write(folder / SEAL, json.dumps(sums))


def damage(folder: Path) -> str | None:
    """How a sealed folder differs from what it was, in words; None if it does not.

    Of a folder without a seal nothing is known, and None returned.

    Raises:
      OSError: a file cannot be read.
    """
    if not (folder / SEAL).exists():
        return None
    try:
        sums = json.loads((folder / SEAL).read_bytes())
    except ValueError:
        return f"{SEAL} is no valid JSON"
    for name, (size, total) in sums.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != size:
            return f"{name} has {path.stat().st_size} bytes, expected {size}"
        if _sum(path)[1] != total:
            return f"{name} holds other bytes than were written"
    return None


def _sum(path: Path) -> list[int]:
    total = 0
    with path.open("rb") as file:
        while block := file.read(2**22):
            total = zlib.crc32(block, total)
    return [path.stat().st_size, total]
