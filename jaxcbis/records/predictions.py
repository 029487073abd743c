"""predictions.csv and history.csv: what a run found, for other programs to read."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxcbis.data.patches import Patches
from jaxcbis.errors import UserError
from jaxcbis.labels import LABELS
from jaxcbis.machine import files


def write_predictions(
    path: Path, test: Patches, probabilities: np.ndarray, iou: np.ndarray
) -> None:
    """Writes one row per test patch.

    Args:
      path: of the file.
      test: the patches.
      probabilities: [n, 5] by class.
      iou: [n] of the predicted class's map with the mask; NaN on background gives an empty cell.

    Raises:
      UserError: the file cannot be written.
    """
    predicted = probabilities.argmax(1)
    rows = (
        [
            test.ids[i],
            test.patients[i],
            LABELS[test.labels[i]],
            LABELS[predicted[i]],
            *(f"{p:.6f}" for p in probabilities[i]),
            "" if np.isnan(iou[i]) else f"{iou[i]:.6f}",
        ]
        for i in range(len(test))
    )
    _write(path, ["id", "patient_id", "label", "predicted", *LABELS, "iou"], rows)


class Predictions(NamedTuple):
    """A run's answers to its test set, in the order of the file.

    Attributes:
      ids, patients: str [n].
      labels: int [n], true class indices.
      probabilities: float64 [n, 5].
      iou: float64 [n], NaN on background.
    """

    ids: np.ndarray
    patients: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    iou: np.ndarray


def read_predictions(path: Path) -> Predictions:
    """Reads what `write_predictions` wrote.

    Raises:
      UserError: no such file, or not one of ours.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return Predictions(
            np.array([row["id"] for row in rows]),
            np.array([row["patient_id"] for row in rows]),
            np.array([LABELS.index(row["label"]) for row in rows], int),
            np.array([[float(row[label]) for label in LABELS] for row in rows]),
            np.array([float(row["iou"] or "nan") for row in rows]),
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"cannot read {path} ({error}); expected the predictions of a finished run"
        ) from error


def write_history(path: Path, history: Sequence[dict]) -> None:
    """Writes one row per epoch, with one column per stage's learning rate.

    Raises:
      UserError: the file cannot be written.
    """
    figures = [key for key in history[0] if key != "learning_rates"]
    stages = sorted({stage for row in history for stage in row["learning_rates"]})
    rows = (
        [row[key] for key in figures] + [row["learning_rates"].get(stage) for stage in stages]
        for row in history
    )
    _write(path, [*figures, *(f"learning_rate_{stage}" for stage in stages)], rows)


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows(rows)
    files.write(path, text.getvalue(), "free space and use --resume")
