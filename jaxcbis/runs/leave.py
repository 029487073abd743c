"""What a run leaves behind: files to read, and files for other programs."""

import shutil
from pathlib import Path

import numpy as np

from jaxcbis.data.patches import Patches
from jaxcbis.evaluation import localization
from jaxcbis.machine.console import console, detail, say
from jaxcbis.records import history, predictions, results
from jaxcbis.records.predictions import Predictions
from jaxcbis.report import terminal
from jaxcbis.runs.test import Answers
from jaxcbis.training import checkpoints


def leave(folder: Path, found: dict, test: Patches, answers: Answers, iou: np.ndarray) -> None:
    """Writes everything, and says what was found. Only then is the run finished.

    Args:
      folder: of the run.
      found: content of results.json.
      test: the test patches.
      answers, iou: of `runs.test`.

    Raises:
      UserError: a file cannot be written.
    """
    from jaxcbis.report import run_report  # here: matplotlib takes seconds, training needs it not

    pointing = localization.pointing(test, answers.maps.maps)
    told = Predictions(test.ids, test.patients, test.labels, answers.probabilities, iou, pointing)
    predictions.write(folder / "predictions.csv", told)
    history.write(folder / "history.csv", found["history"])
    run_report.write(folder, found, told, test, answers.maps, answers.covering)
    results.write(folder / "results.json", found)
    _drop_training(folder)

    for key, value in found["timing"].items():
        detail(f"  {key} {value:.1f}")
    terminal.show_run(console, found, folder)


def complete(folder: Path, found: dict) -> dict:
    """Says what a finished run has found, and does what a kill may have left undone."""
    say(f"{folder} holds a finished run; nothing is left to resume")
    if not (folder / "report.html").exists():
        from jaxcbis.report.page import document

        document.write(folder)
    _drop_training(folder)
    terminal.show_run(console, found, folder)
    return found


def _drop_training(folder: Path) -> None:
    """Of a finished run its model is kept, not where its training stood."""
    shutil.rmtree(folder / "checkpoints" / checkpoints.TRAINING, ignore_errors=True)
