"""What a run's folder holds for its report."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jaxcbis.records import predictions
from jaxcbis.records import results as results_file
from jaxcbis.records.predictions import Predictions


class Run(NamedTuple):
    """A run, and what it found.

    Attributes:
      folder: of the run.
      name: of the run among those of the report.
      results: content of results.json.
      answers: of predictions.csv; None where there is none yet.
    """

    folder: Path
    name: str
    results: dict
    answers: Predictions | None


def read(folders: Sequence[Path]) -> list[Run]:
    """Reads the runs of a report.

    Raises:
      UserError: a file of a run cannot be read.
    """
    called = names(folders)
    return [
        of(folder, results_file.read_run(folder / "results.json"), name)
        for folder, name in zip(folders, called, strict=True)
    ]


def of(folder: Path, results: dict, name: str = "") -> Run:
    """A run whose results are known already.

    Raises:
      UserError: its predictions cannot be read.
    """
    path = folder / "predictions.csv"
    return Run(folder, name, results, predictions.read(path) if path.is_file() else None)


def names(folders: Sequence[Path]) -> list[str]:
    """The folders' names; where two are the same, as much of the path as tells them apart."""
    paths = [folder.resolve().parts for folder in folders]
    for depth in range(1, max(map(len, paths)) + 1):
        found = ["/".join(parts[-depth:]) for parts in paths]
        if len(set(found)) == len(set(paths)):
            break
    return found
