"""What `benchmarks gpu` keeps of whole runs, finished or not, and of a study."""

from pathlib import Path
from typing import Any

from benchmarks import hardware
from benchmarks.gpu import report as gpu_report
from jaxcbis.records import results

SCHEMA = 1
#: Of a run's results; the rest tells of the patches, not of the machine.
_KEPT = ("status", "config", "environment", "weights", "history", "best", "timing", "notes")
_PATHS = ("data", "weights", "output", "data_dir", "source")
_SCORES = {
    "accuracy": ("test", "accuracy"), "auc_mean": ("test", "auc_mean"),
    "ll_score": ("localization", "ll_score"),
}  # fmt: skip


def keep_run(folder: Path, seconds: float, path: Path) -> None:
    """Writes what a run in a folder left, if it came as far as to write results.

    Args:
      folder: of the run.
      seconds: that its process took, from start to end.
      path: of the file, {kind, schema, hardware, versions, rows: [{seconds, run, scores}]}.
    """
    found = _read(folder)
    if found is None:
        return
    kept = {key: _without_folders(found[key]) for key in _KEPT}
    row = {"seconds": seconds, "run": kept, "scores": _scores(found)}
    results.write(path, {"kind": "run", "schema": SCHEMA, **_machine(found), "rows": [row]})


def keep_study(folder: Path, seconds: float, planned: int, path: Path) -> None:
    """Writes how many of a study's runs were done in how many seconds.

    Args:
      folder: of the study.
      seconds: that it took, or was given.
      planned: runs of the whole study.
      path: of the file, {kind, schema, hardware, versions, seconds, planned, done, runs}; `runs`
        has those begun, an item each.
    """
    found = {file.parent.name: _read(file.parent) for file in folder.glob("runs/*/results.json")}
    runs = [
        {
            "run": name, "status": run["status"], "timing": run["timing"],
            "epochs": gpu_report.trained_epochs(run["history"]), "scores": _scores(run),
        }
        for name, run in sorted(found.items()) if run is not None
    ]  # fmt: skip
    if not runs:
        return
    first = next(run for run in found.values() if run is not None)
    results.write(
        path,
        {"kind": "study", "schema": SCHEMA, **_machine(first), "seconds": seconds}
        | {
            "planned": planned,
            "done": sum(run["status"] == "finished" for run in runs),
            "runs": runs,
        },
    )


def _without_folders(part: Any) -> Any:
    """A part of results.json in which files and folders have their names alone."""
    if not isinstance(part, dict):
        return part
    return {
        key: Path(value).name if key in _PATHS and isinstance(value, str) else value
        for key, value in part.items()
    }


def _read(folder: Path) -> dict | None:
    file = folder / "results.json"
    return results.read(file) if file.exists() else None


def _scores(run: dict) -> dict:
    return {name: (run[part] or {}).get(key) for name, (part, key) in _SCORES.items()}


def _machine(run: dict) -> dict:
    """Hardware and versions of a run, as all results of the benchmarks have them."""
    environment = run["environment"]
    machine = {key: environment[key] for key in ("backend", "device", "host_cores")}
    machine |= {"processor": hardware.processor(), "precision": run["config"]["precision"]}
    versions = {key: environment[key] for key in ("python", "jax", "flax", "git_commit")}
    return {"hardware": machine, "versions": versions | {"torch": None}}
