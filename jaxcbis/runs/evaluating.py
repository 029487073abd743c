"""A finished run's figures on the test split of other data."""

import dataclasses

from jaxcbis.config import resolve
from jaxcbis.data import normalization
from jaxcbis.errors import UserError
from jaxcbis.evaluation import metrics
from jaxcbis.records import paths
from jaxcbis.runs import answers, preparation
from jaxcbis.runs.finished import Finished


def evaluate(run: Finished, data: str) -> dict:
    """Answers a test split, whose patches are normalised as the train split was as a whole.

    Args:
      run: of `finished.load`.
      data: a release or an exported .npz.

    Returns:
      As of `metrics.classification`.

    Raises:
      UserError: the data are absent, damaged, or not what the run takes; or hold no test patches.
    """
    # What was of no use for the run's own data, as the windows of a file, has its default again.
    known = {
        key: value for key, value in dataclasses.asdict(run.config).items() if value is not None
    }
    config = resolve({**known, "data": data})
    paths.require_data(config.data)
    test = preparation.load(config).splits["test"]
    if not len(test):
        raise UserError(f"{data}: no patches in the test split")
    asked = normalization.normalize(test.images, run.statistics)
    return metrics.classification(test.labels, answers.probabilities(run, asked), test.patients)
