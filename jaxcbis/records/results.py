"""results.json: everything a run found, under stable keys."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxcbis.errors import UserError, not_read
from jaxcbis.machine import files

SCHEMA = 1

#: A run's status; only a finished one has all of its files.
INTERRUPTED, FINISHED = "interrupted", "finished"
STATUSES = (INTERRUPTED, FINISHED)
#: Order of the top-level keys in the file; a figure that does not exist is null.
KEYS = (
    "schema",
    "status",
    "config",
    "environment",
    "data",
    "weights",
    "model",
    "history",
    "best",
    "test",
    "test_without_label_normalization",
    "test_official",
    "covering",
    "localization",
    "timing",
    "notes",
)
#: Of these, what results of an earlier version do not have.
ADDED = ("covering",)
#: What results of a mammogram run have as `kind`; those of a patch run have none.
MAMMOGRAM = "mammogram"
#: Order of the top-level keys of such a run.
MAMMOGRAM_KEYS = (
    "schema", "status", "kind", "config", "environment", "data", "weights", "patch_runs", "model",
    "memory", "history", "best", "prefix", "members", "test", "test_flips", "test_official",
    "baselines", "localization", "literature", "timing", "notes",
)  # fmt: skip
#: What a run must have to be gone on with, and what more to be asked, once it is finished.
_PARTS = (
    ("config", "notes", "environment"),
    ("data", "weights", "model", "history", "best", "test", "localization"),
)
_MAMMOGRAM_PARTS = (
    ("config", "notes", "environment", "data", "weights", "patch_runs"),
    ("model", "history", "best", "members", "test", "localization", "timing"),
)


def write(path: Path | str, results: dict) -> None:
    """Writes results so that a reader sees the old file or the new one, never a part.

    Args:
      path: of the file.
      results: keys of `KEYS` or `MAMMOGRAM_KEYS`, in any order; others follow behind them.

    Raises:
      UserError: the file cannot be written.
      ValueError: a number is not finite; a figure that does not exist must be None.
    """
    order = MAMMOGRAM_KEYS if of_mammograms(results) else KEYS
    first = [key for key in order if key in results]
    ordered = {key: results[key] for key in (*first, *(k for k in results if k not in first))}
    text = json.dumps(ordered, indent=2, allow_nan=False, default=_plain) + "\n"
    files.write(path, text)


def read(path: Path | str) -> dict:
    """Reads what `write` wrote.

    Raises:
      UserError: no such file (a MissingFileError), no valid JSON object, or a schema of another
        version.
    """
    path = Path(path)
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise not_read(error)(
            f"cannot read {path}: {error.strerror or error}; expected the results of a run"
        ) from error
    except ValueError as error:
        raise UserError(
            f"{path} is no valid JSON ({error}); expected the results of a run"
        ) from error
    schema = results.get("schema") if isinstance(results, dict) else None
    if schema != SCHEMA:
        raise UserError(
            f"{path} has schema {schema!r}, expected {SCHEMA}; was it written by another version?"
        )
    return results


def read_run(path: Path | str) -> dict:
    """Reads the results of a run, finished or not.

    Raises:
      UserError: as of `read`, or a key of `KEYS` is missing or holds something else, or the run is
        one on whole mammograms.
    """
    found = dict.fromkeys(ADDED) | read(path)
    if of_mammograms(found):
        raise UserError(
            f"{path}: of a mammogram run; give the folder of a patch run, made by the command train"
        )
    _require_whole(found, path, KEYS, *_PARTS)
    return found


def read_finished(folder: Path) -> dict:
    """Reads the results of a finished run; whether its model can be read is found later.

    Args:
      folder: of the run.

    Raises:
      UserError: as of `read_run`, or the run is not finished.
    """
    found = read_run(folder / "results.json")
    _require_finished(found, folder)
    return found


def of_mammograms(results: dict) -> bool:
    """Whether results are of a mammogram run, and not of a patch run."""
    return results.get("kind") == MAMMOGRAM


def is_on_mammograms(folder: Path) -> bool:
    """Whether a folder holds a mammogram run, finished or not.

    Raises:
      UserError: as of `read`.
    """
    return of_mammograms(read(folder / "results.json"))


def read_mammogram(path: Path | str) -> dict:
    """Reads the results of a mammogram run, finished or not.

    Raises:
      UserError: as of `read`, the run is a patch run, or a part is missing.
    """
    found = read(path)
    if not of_mammograms(found):
        raise UserError(f"{path}: not of a mammogram run; give a folder of the command mammogram")
    _require_whole(found, path, MAMMOGRAM_KEYS, *_MAMMOGRAM_PARTS)
    return found


def read_finished_mammogram(folder: Path) -> dict:
    """Reads the results of a finished mammogram run.

    Args:
      folder: of the run.

    Raises:
      UserError: as of `read_mammogram`, or the run is not finished.
    """
    found = read_mammogram(folder / "results.json")
    _require_finished(found, folder)
    return found


def _require_whole(
    found: dict,
    path: Path | str,
    keys: Sequence[str],
    begun: Sequence[str],
    trained: Sequence[str],
) -> None:
    """Checks that results are those of a run.

    Args:
      found: content of the file.
      path: of it.
      keys: that every run has.
      begun: of these, what may not be null.
      trained: what may not be null, either, once the run is finished.

    Raises:
      UserError: something is missing or holds something else.
    """
    faults = [f"lacks {key}" for key in keys if key not in found]
    if not faults:
        if found["status"] not in STATUSES:
            faults.append(f"has status {found['status']!r}, expected one of {', '.join(STATUSES)}")
        needed = (*begun, *(trained if found["status"] == FINISHED else ()))
        faults += [f"has no {key}" for key in needed if not isinstance(found[key], dict | list)]
    if faults:
        raise UserError(
            f"{path} {', '.join(faults)}: no results of a run of this version of jaxcbis; give "
            "another folder, or train it again"
        )


def _require_finished(found: dict, folder: Path) -> None:
    if found.get("status") != FINISHED:
        raise UserError(
            f"{folder}: the run is not finished; give the command that began it again, with "
            "--resume"
        )


def are_finished(path: Path) -> bool:
    """Whether a file holds the results of a finished run or study; not where it cannot be read."""
    try:
        return read(path).get("status") == FINISHED
    except UserError:
        return False


def _plain(value: Any) -> Any:
    import numpy as np  # here: it takes a tenth of a second, and who only reads needs it not

    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"results may hold JSON values, numpy values and paths, got {type(value)}")
