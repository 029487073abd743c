"""What a run leaves behind: files to read, and files for other programs."""

import shutil
from pathlib import Path

import numpy as np

from jaxcbis.data.patches import Patches
from jaxcbis.machine.console import console, detail, say
from jaxcbis.records import predictions, results
from jaxcbis.report import tables, tensorboard
from jaxcbis.runs.test import Answers
from jaxcbis.training import checkpoints


def leave(folder: Path, found: dict, test: Patches, answers: Answers, iou: np.ndarray) -> None:
    """Writes everything, and says where. Only then is the run finished.

    Args:
      folder: of the run.
      found: content of results.json.
      test: the test patches.
      answers, iou: of `runs.test`.

    Raises:
      UserError: a file cannot be written.
    """
    # Here and not above: matplotlib takes seconds to import, training needs none of it.
    from jaxcbis.report.figures import figures
    from jaxcbis.report.page import gallery, html

    probabilities, maps = answers.probabilities, answers.maps
    predictions.write_predictions(folder / "predictions.csv", test, probabilities, iou)
    predictions.write_history(folder / "history.csv", found["history"])
    figures.write(folder, found, predictions.read_predictions(folder / "predictions.csv"))
    gallery.write(folder, test, maps.maps, probabilities, iou, figures.title_of(found))
    tensorboard.add_pictures(folder)
    html.write(folder, found)
    results.write(folder / "results.json", found)
    _drop_training(folder)

    console.print(tables.beside_paper(found))
    for key, value in found["timing"].items():
        detail(f"  {key} {value:.1f}")
    say(f"Results: {folder / 'results.json'}")
    say(f"Report:  {folder / 'report.html'}")


def complete(folder: Path, found: dict) -> dict:
    """Says what a finished run has found, and does what a kill may have left undone."""
    say(f"{folder} holds a finished run; nothing is left to resume")
    if not (folder / "report.html").exists():
        from jaxcbis.report.page import html

        html.write(folder)
    _drop_training(folder)
    console.print(tables.beside_paper(found))
    return found


def _drop_training(folder: Path) -> None:
    """Of a finished run its model is kept, not where its training stood."""
    shutil.rmtree(folder / "checkpoints" / checkpoints.TRAINING, ignore_errors=True)
