"""predictions.csv: a run's answer to every test patch, for other programs to read."""

import csv
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxcbis.errors import AGAIN, not_read
from jaxcbis.labels import LABELS
from jaxcbis.machine import files

#: The column of `Predictions.pointing`.
POINTING = "pointing_game"


class Predictions(NamedTuple):
    """A run's answers to its test set, in the order of the file.

    Attributes:
      ids, patients: str [n].
      labels: int [n], true class indices.
      probabilities: float64 [n, 5] by class; the predicted class is the most probable one.
      iou: float64 [n] of the predicted class's map with the mask; NaN where that is empty.
      pointing: float64 [n], how much of its maximum lies in the mask, NaN likewise; None in what an
        earlier version wrote.
    """

    ids: np.ndarray
    patients: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    iou: np.ndarray
    pointing: np.ndarray | None = None


def write(path: Path, found: Predictions) -> None:
    """Writes one row per test patch; numbers read back as they were, to the last bit.

    Args:
      path: of the file.
      found: what to write; an IoU of NaN gives an empty cell.

    Raises:
      UserError: the file cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    located = {"iou": found.iou}
    if found.pointing is not None:
        located[POINTING] = found.pointing
    writer.writerow(["id", "patient_id", "label", "predicted", *LABELS, *located])
    for name, patient, label, probabilities, *meets in zip(
        *found[:4], *located.values(), strict=True
    ):
        # Not rounded: a near-tie would be of another class for whoever reads it. Of Python's
        # floats the writer gives the shortest text that reads back the same.
        predicted = LABELS[probabilities.argmax()]
        cells = ["" if np.isnan(of) else float(of) for of in meets]
        writer.writerow([name, patient, LABELS[label], predicted, *probabilities.tolist(), *cells])
    files.write(path, text.getvalue(), f"free space and {AGAIN}")


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
        return Predictions(
            np.array([row["id"] for row in rows]),
            np.array([row["patient_id"] for row in rows]),
            np.array([LABELS.index(row["label"]) for row in rows], int),
            np.array([[float(row[label]) for label in LABELS] for row in rows]),
            np.array([float(row["iou"] or "nan") for row in rows]),
            np.array([float(row[POINTING] or "nan") for row in rows])
            if POINTING in rows[0]
            else None,
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise not_read(error)(
            f"cannot read {path} ({error}); expected the predictions of a finished run"
        ) from error
