"""The folder of a run: made for a new one, or found to hold the one that is to be gone on with."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jaxcbis import config as options
from jaxcbis.config import Config
from jaxcbis.errors import UserError
from jaxcbis.machine import files
from jaxcbis.records import folders, results

#: In what options differ from those that a run recorded, in words: takes its 'config', and whether
#: it has its figures.
Differing = Callable[[Mapping[str, Any], bool], list[str]]

#: What earlier versions did not tell of the data: who validated. It follows from the rest.
_HELD_OUT = "held_out_patients"


def claim(folder: Path, config: Config) -> dict | None:
    """`take` for a run of patches."""
    now = dataclasses.asdict(config)

    def differing(before: Mapping[str, Any], scored: bool) -> list[str]:
        return options.differing(before, now, scored=scored)

    return take(folder, results.read_run, differing, resume=config.resume)


def take(
    folder: Path, read: Callable[[Path], dict], differing: Differing, *, resume: bool
) -> dict | None:
    """Makes the folder of a new run, or checks that it holds the run that is to be resumed.

    Another process may change what it holds until it is locked: ask again then.

    Args:
      folder: of the run.
      read: reads its results.json.
      differing: of the options asked for now.
      resume: whether a run that is there is to be gone on with.

    Returns:
      The results so far of the run that is to be resumed; None of a new one.

    Raises:
      UserError: the folder holds something else, or cannot be made or written to.
    """
    before = _held(folder, read, resume=resume)
    if before is not None:
        scored = before["status"] == results.FINISHED
        if different := differing(before["config"], scored):
            raise UserError(
                f"--resume: the run in {folder} has other options ({'; '.join(different)}); "
                "give the same ones or another --output"
            )
    files.require_writable(folder, "choose another --output")
    return before


def _held(folder: Path, read: Callable[[Path], dict], *, resume: bool) -> dict | None:
    """The results so far of the run that is to be resumed; None where a new one has room."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--output {folder}: is a file; give a folder")
    if not folder.exists() or not any(folder.iterdir()):
        return None
    if not (folder / "results.json").exists():
        if folders.unused(folder):
            return None
        raise UserError(f"--output {folder}: holds other files; choose another folder")
    before = read(folder / "results.json")
    if not resume:
        raise UserError(
            f"--output {folder}: holds a finished run; choose another folder or delete it"
            if before["status"] == results.FINISHED
            else f"--output {folder}: holds an unfinished run; add --resume to go on with it"
        )
    return before


def threads_of(before: dict) -> int | None:
    """The threads that a run began with: with as many it ends in the same digits on other cores."""
    threads = before["environment"].get("threads")
    return threads if isinstance(threads, int) else None


def require_same_inputs(folder: Path, before: dict | None, now: dict) -> None:
    """Checks that a resumed run sees the data and the weights that it began with.

    Their content counts; the path that leads to it may be spelled in another way.

    Args:
      folder: of the run.
      before, now: content of results.json, then (None of a new run) and now.

    Raises:
      UserError: it does not.
    """
    for key in ("data", "weights"):
        then, found = before and before.get(key), now[key]
        if then is not None and _HELD_OUT in found:
            then = {_HELD_OUT: found[_HELD_OUT]} | then
        if then is not None and _content(then) != _content(found):
            raise UserError(
                f"--resume: the {key} are not those that the run in {folder} began with; restore "
                "them or choose another --output"
            )


def _content(part: Mapping[str, Any] | list) -> Any:
    if isinstance(part, list):  # of several members
        return [_content(each) for each in part]
    # Earlier versions cut no windows and told of none that fall short, nor of what they assumed.
    return {"short": [], "assumed": []} | {
        key: value for key, value in part.items() if key != "source"
    }
