"""predictions.csv of a mammogram run: its answer to every test view, and the baselines' scores."""

import csv
import io
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jaxcbis.errors import AGAIN, UserError, not_read
from jaxcbis.machine import files
from jaxcbis.mammograms.figures import baselines, levels

FILE = "predictions.csv"
#: The baselines that have a column; the start from ImageNet has a run of its own.
BASELINES = (baselines.SWEEP_MAXIMUM, baselines.BREAST_AREA, baselines.MEAN_INTENSITY)
FLIPS = "probability_flips"


class Predictions(NamedTuple):
    """A run's answers to its test views, in the order of the file.

    Attributes:
      ids, patients, sides, views: str [n].
      labels: int [n], 1 where the view is malignant.
      probabilities: float64 [n] of malignancy, the mean of the members.
      flips: float64 [n], the same averaged over flips; None where that was not asked for.
      baselines: float64 [n] by name of `BASELINES`, higher where it is rather malignant; None where
        there is none, NaN where one view has none.
    """

    ids: NDArray
    patients: NDArray
    sides: NDArray
    views: NDArray
    labels: NDArray
    probabilities: NDArray
    flips: NDArray | None
    baselines: dict[str, NDArray | None]

    @property
    def answers(self) -> levels.Answers:
        """What `levels.score` takes."""
        return levels.Answers(self.labels, self.patients, self.sides, self.probabilities)


def write(path: Path, found: Predictions) -> None:
    """Writes one row per test view; numbers read back as they were, to the last bit.

    Args:
      path: of the file.
      found: what to write; a baseline of None gives empty cells.

    Raises:
      UserError: the file cannot be written.
    """
    columns: dict = {
        "id": found.ids,
        "patient_id": found.patients,
        "side": found.sides,
        "view": found.views,
        "label": np.asarray(found.labels, int).tolist(),
        "probability": _cells(found.probabilities, len(found.ids)),
    }
    if found.flips is not None:
        columns[FLIPS] = _cells(found.flips, len(found.ids))
    for name in BASELINES:
        columns[name] = _cells(found.baselines.get(name), len(found.ids))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    files.write(path, text.getvalue(), f"free space and {AGAIN}")


def _cells(values: NDArray | None, count: int) -> list:
    # Of Python's floats the writer gives the shortest text that reads back the same.
    known = [None] * count if values is None else np.asarray(values, np.float64).tolist()
    return ["" if value is None or math.isnan(value) else value for value in known]


def read(path: Path) -> Predictions:
    """Reads what `write` wrote.

    Raises:
      UserError: no such file, or not one of ours.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        if not rows:
            raise ValueError("it has no rows")

        def text(name: str) -> NDArray:
            return np.array([row[name] for row in rows], str)

        def scores(name: str) -> NDArray | None:
            values = np.array([float(row[name] or "nan") for row in rows])
            return None if np.isnan(values).all() else values

        return Predictions(
            text("id"),
            text("patient_id"),
            text("side"),
            text("view"),
            np.array([("0", "1").index(row["label"]) for row in rows], int),
            np.array([float(row["probability"]) for row in rows]),
            np.array([float(row[FLIPS]) for row in rows]) if FLIPS in rows[0] else None,
            {name: scores(name) for name in BASELINES},
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise not_read(error)(
            f"cannot read {path} ({error}); expected the predictions of a finished mammogram run"
        ) from error


def matched(found: Predictions, ids: NDArray, path: Path) -> NDArray:
    """Another run's probabilities of the same views.

    Args:
      found: the other run's.
      ids: [n] of the views that are asked for.
      path: where it was read, for the message.

    Returns:
      float64 [n], in the order of `ids`.

    Raises:
      UserError: its test views are not these.
    """
    of_id = dict(zip(found.ids.tolist(), found.probabilities.tolist(), strict=True))
    asked = np.asarray(ids, str).tolist()
    if missing := [name for name in asked if name not in of_id]:
        raise UserError(
            f"{path}: does not answer {len(missing)} of {len(asked)} test views, the first "
            f"{missing[0]}; compare runs on the same --data"
        )
    return np.array([of_id[name] for name in asked], np.float64)
