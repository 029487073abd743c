"""What a mammogram run leaves behind: files to read, and files for other programs."""

import shutil
from pathlib import Path

from jaxcbis.data.mammograms import Views
from jaxcbis.machine.console import detail, say
from jaxcbis.mammograms import finished
from jaxcbis.mammograms.figures import predictions
from jaxcbis.mammograms.test import Answers, Scores
from jaxcbis.records import history, results
from jaxcbis.training import checkpoints


def leave(folder: Path, found: dict, test: Views, told: Answers, scores: Scores) -> None:
    """Writes everything, and says what was found. Only then is the run finished.

    Args:
      folder: of the run.
      found: content of results.json.
      test: the test views.
      told, scores: of `test`.

    Raises:
      UserError: a file cannot be written.
    """
    from jaxcbis.mammograms.page import document, gallery  # here: matplotlib takes seconds

    predictions.write(folder / predictions.FILE, scores.predictions)
    history.write(folder / "history.csv", found["history"])
    gallery.keep(
        folder, test, scores.predictions.probabilities, told.maps, scores.predictions.flips
    )
    document.write(folder, found)
    results.write(folder / "results.json", found)
    _drop_training(folder, found)
    for key, value in found["timing"].items():
        if value is not None:
            detail(f"  {key} {value:.1f}")
    document.show(folder, found)


def complete(folder: Path, found: dict) -> dict:
    """Says what a finished run has found, and does what a kill may have left undone."""
    from jaxcbis.mammograms.page import document

    say(f"{folder} holds a finished run; nothing is left to resume")
    if not (folder / "report.html").exists():
        document.write(folder, found)
    _drop_training(folder, found)
    document.show(folder, found)
    return found


def _drop_training(folder: Path, found: dict) -> None:
    """Of a finished run its models are kept, not where their training stood."""
    for place in finished.members(folder, len(found["members"])):
        shutil.rmtree(place / checkpoints.TRAINING, ignore_errors=True)
