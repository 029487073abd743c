"""All that shows a finished run: its figures, a few of its patches, its gallery and its page."""

from pathlib import Path

from jaxcbis.data.patches import Patches
from jaxcbis.evaluation.activation_maps import Maps
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
    maps: Maps,
    covering: Answers | None = None,
) -> None:
    """Writes figures/, cams/, gallery.json, their pictures for TensorBoard, and report.html.

    Args:
      folder: of the run, with its predictions.csv.
      results: content of results.json, which need not be written yet.
      answers: to the test patches, in their order.
      test: the patches.
      maps: of the patches, of the predicted class and of the true one.
      covering: of the test lesions, where they were covered.

    Raises:
      UserError: a file cannot be written.
    """
    of_run.write(folder, results, answers)
    examples.write(folder, test, maps.maps, answers, title_of(results))
    if covering and len(covering.images.items):
        covered.write(folder, test, maps.maps, answers.probabilities, covering, title_of(results))
    gallery.write(folder, test, maps.maps, maps.of_labels)
    tensorboard.add_pictures(folder)
    document.write(folder, results)
