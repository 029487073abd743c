"""All that shows a finished run: its figures, a few of its patches, its gallery and its page."""

from pathlib import Path

from numpy.typing import NDArray

from jaxcbis.data.patches import Patches
from jaxcbis.evaluation.covering import Answers
from jaxcbis.records.predictions import Predictions
from jaxcbis.report import tensorboard
from jaxcbis.report.figures import covered, examples, of_run
from jaxcbis.report.page import document, gallery
from jaxcbis.report.tables import title_of


# Six parameters: what a run found, and what it saw.
def write(
    folder: Path,
    results: dict,
    answers: Predictions,
    test: Patches,
    maps: NDArray,
    covering: Answers | None = None,
) -> None:
    """Writes figures/, cams/, gallery.json, their pictures for TensorBoard, and report.html.

    Args:
      folder: of the run, with its predictions.csv.
      results: content of results.json, which need not be written yet.
      answers: to the test patches, in their order.
      test: the patches.
      maps: [n, g, g] of the predicted class, at least 0.
      covering: of the test lesions, where they were covered.

    Raises:
      UserError: a file cannot be written.
    """
    of_run.write(folder, results, answers)
    examples.write(folder, test, maps, answers, title_of(results))
    if covering and len(covering.images.items):
        covered.write(folder, test, maps, answers.probabilities, covering, title_of(results))
    gallery.write(folder, test, maps)
    tensorboard.add_pictures(folder)
    document.write(folder, results)
