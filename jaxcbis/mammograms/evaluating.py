"""The figures of a finished mammogram run on the test split of other data."""

from jaxcbis.errors import UserError
from jaxcbis.mammograms import answers
from jaxcbis.mammograms.figures import levels
from jaxcbis.mammograms.finished import FinishedMammogram
from jaxcbis.records import paths
from jaxcbis.runs import preparation


def evaluate(run: FinishedMammogram, data: str) -> dict:
    """Answers the views of a test split; operating points are those of the run's own validation.

    Args:
      run: of `finished.load`.
      data: a release.

    Returns:
      As of `levels.score`.

    Raises:
      UserError: the data are absent or damaged, or hold no test views.
    """
    paths.require_data(data)
    config = run.config
    found = preparation.load_mammograms(data, config.data_dir, config.height, config.width)
    test = found.splits["test"]
    if not len(test):
        raise UserError(f"{data}: no mammograms in the test split")
    said = answers.of_views(run, test.images)
    return levels.score(levels.answers(test, said), levels.chosen_in(run.evaluate()))
