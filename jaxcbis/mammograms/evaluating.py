"""The figures of a finished run on whole mammograms on the test split of other data."""

import dataclasses

from jaxcbis.mammograms import answers, inputs
from jaxcbis.mammograms.figures import levels
from jaxcbis.mammograms.finished import FinishedMammogram
from jaxcbis.records import paths


def evaluate(run: FinishedMammogram, data: str) -> dict:
    """Answers the views of a test split; operating points are those of the run's own validation.

    Args:
      run: of `finished.load`.
      data: a release.

    Returns:
      As of `levels.score`.

    Raises:
      UserError: the data are absent or damaged, or a split is empty.
    """
    paths.require_data(data)
    found = inputs.load_data(dataclasses.replace(run.config, data=data))
    test = found.splits["test"]
    said = answers.of_views(run, test.images)
    own = run.evaluate()
    chosen = {
        level: {point["name"]: point["threshold"] for point in own[level]["operating_points"]}
        for level in levels.LEVELS
    }
    return levels.score(levels.answers(test, said), chosen)
