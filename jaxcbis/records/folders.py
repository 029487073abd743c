"""The folder that a command writes to: whether it is free, and keeping others off it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from jaxcbis.errors import UserError

_LOCK = ".lock"


def unused(folder: Path) -> bool:
    """Whether a folder is as good as empty.

    A process that was killed before it had anything to keep leaves its lock and parts of files
    behind; their names begin with a dot.
    """
    return all(file.name.startswith(".") for file in folder.iterdir())


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Keeps other processes off the folder within it, and at most for as long as this one lives.

    Raises:
      UserError: another process has it.
    """
    file = FileLock(folder / _LOCK)
    try:
        file.acquire(blocking=False)
    except Timeout as error:
        raise UserError(
            f"--output {folder}: another process is running there; wait for it or choose another "
            "folder"
        ) from error
    try:
        yield
    finally:
        file.release()


def require_free(folder: Path) -> None:
    """Checks that no other process has the folder, which may be taken right after.

    Raises:
      UserError: as of `lock`.
    """
    if (folder / _LOCK).exists():
        with lock(folder):
            pass


@contextmanager
def unmade_if_unused(folder: Path) -> Iterator[None]:
    """Removes the folder again if it was made within it and nothing was written there."""
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        yield
    finally:
        if made and folder.is_dir():
            with suppress(UserError, OSError), lock(folder):  # else it is another process's
                if unused(folder):
                    (folder / _LOCK).unlink()
                    for place in made:
                        place.rmdir()


def require_seen(folder: Path) -> None:
    """Checks that a folder is the one that the first of several hosts has locked.

    Raises:
      UserError: it is another one, of a disk that only this host sees.
    """
    if not (folder / _LOCK).exists():
        raise UserError(
            f"--output {folder}: is not the first host's folder; give one on a file system that "
            "all hosts share"
        )


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Waits for other processes that prepare data in a folder, and keeps them waiting.

    Args:
      folder: made if it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / _LOCK):
        yield
