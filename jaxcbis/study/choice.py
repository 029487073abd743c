"""The choice of a study: by the validation loss, never by a test score.

With a localisation term that is the loss as a whole, the term by its weight included.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxcbis.evaluation import comparison
from jaxcbis.records import predictions

#: Figures whose spread over seeds is told, and where a cell has them.
_SPREAD = {
    "accuracy": ("test", "accuracy"),
    "auc_mean": ("test", "auc_mean"),
    "auc_hard_mean": ("test", "auc_hard_mean"),
    "ll_score": ("localization", "ll_score"),
    "lesion_auc": ("test", "lesion_auc"),
    "malignancy_auc": ("test", "malignancy_auc"),
    "pointing_game": ("localization", "pointing_game"),
    "energy_in_mask": ("localization", "energy_in_mask"),
    "pixel_ap": ("localization", "pixel_ap"),
}


def choose(cells: Sequence[dict]) -> list[dict]:
    """The hyperparameter set of each backbone and strategy with the lowest validation loss.

    Args:
      cells: of study.json.

    Returns:
      Of each {backbone, strategy, run, hyperparameters, val_loss, seeds}: `run` is the first
      seed's, so that no seed is chosen; val_loss is the mean over seeds, by which
      the set was; seeds has {mean, deviation, values} of the test figures over seeds, deviation
      None for a single one.
    """
    found = []
    for key in dict.fromkeys((row["backbone"], row["strategy"]) for row in cells):
        sets: dict[tuple, list[dict]] = {}
        for row in cells:
            if (row["backbone"], row["strategy"]) == key:
                sets.setdefault(tuple(row["hyperparameters"].items()), []).append(row)
        best = min(sets.values(), key=lambda rows: np.mean([row["val_loss"] for row in rows]))
        first = min(best, key=lambda row: row["seed"])
        found.append(
            {
                **{name: first[name] for name in ("backbone", "strategy", "run")},
                "hyperparameters": first["hyperparameters"],
                "val_loss": float(np.mean([row["val_loss"] for row in best])),
                "seeds": {name: _spread(best, *path) for name, path in _SPREAD.items()},
            }
        )
    return found


def compare(folder: Path, chosen: Sequence[dict]) -> list[dict]:
    """Every two chosen models on the same test patches.

    Args:
      folder: of the study.
      chosen: of `choose`.

    Returns:
      Of each pair {'runs': the two} and what `comparison.compare` gives.

    Raises:
      UserError: the predictions of a run cannot be read.
    """
    answers = [predictions.read(folder / row["run"] / "predictions.csv") for row in chosen]
    pairs = itertools.combinations(zip(chosen, answers, strict=True), 2)
    return [
        {"runs": [one["run"], two["run"]]}
        | comparison.compare(
            of_one.labels, of_one.patients,
            (of_one.probabilities, of_one.iou), (of_two.probabilities, of_two.iou),
        )
        for (one, of_one), (two, of_two) in pairs
    ]  # fmt: skip


def _spread(rows: Sequence[dict], part: str, name: str) -> dict:
    values = [row[part].get(name) for row in rows]  # a run of before has not all of them
    known = [value for value in values if value is not None]
    return {
        "mean": float(np.mean(known)) if known else None,
        "deviation": float(np.std(known, ddof=1)) if len(known) > 1 else None,
        "values": values,
    }
