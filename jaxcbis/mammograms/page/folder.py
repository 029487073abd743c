"""What the folder of a mammogram run says of itself."""

from pathlib import Path

from jaxcbis.errors import UserError
from jaxcbis.records import results

#: `kind` of results.json.
KIND = "mammogram"
_NEEDED = ("status", "config", "environment", "notes")
_OF_FINISHED = ("data", "history", "test")


def is_mammogram(folder: Path) -> bool:
    """Whether a folder's results.json is of a mammogram run; not where it cannot be read."""
    try:
        return results.read(folder / "results.json").get("kind") == KIND
    except UserError:
        return False


def read(folder: Path) -> dict:
    """Reads results.json of a mammogram run, finished or not.

    Raises:
      UserError: it cannot be read (if it is not there also a FileNotFoundError), is of something
        else, or lacks a part.
    """
    path = folder / "results.json"
    found = results.read(path)
    if found.get("kind") != KIND:
        raise UserError(f"{path}: expected the results of a mammogram run; give another folder")
    finished = found.get("status") == results.FINISHED
    needed = _NEEDED + (_OF_FINISHED if finished else ())
    if lacking := [key for key in needed if found.get(key) is None]:
        raise UserError(
            f"{path} lacks {', '.join(lacking)}: no results of a mammogram run of this version of "
            "jaxcbis; give another folder, or train it again"
        )
    return found


def read_finished(folder: Path) -> dict:
    """Reads the results of a finished mammogram run.

    Raises:
      UserError: as of `read`, or the run is not finished.
    """
    found = read(folder)
    if found["status"] != results.FINISHED:
        raise UserError(
            f"{folder}: the run is not finished; give the command that began it again, with "
            "--resume"
        )
    return found
