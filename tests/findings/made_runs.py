"""Finished mammogram runs of made-up answers, by start and seed."""

from pathlib import Path

import numpy as np

from jaxcbis.mammograms.figures import predictions
from tests.mammograms import example_run


def write(folder: Path, start: str = "patch", seed: int = 0, **changed) -> Path:
    """One run; `changed` are other columns of predictions.csv, by their names in Predictions."""
    results = example_run.results()
    results["config"] |= {"start": start, "seed": seed, "run": [f"/runs/r50-s2-s{seed}"]}
    path = example_run.write(folder / f"{start}-s{seed}", results) / predictions.FILE
    told = predictions.read(path)
    noise = np.random.default_rng((seed, len(start))).normal(0, 0.1, len(told.ids))
    told = told._replace(probabilities=np.clip(told.probabilities + noise, 0.01, 0.99))
    predictions.write(path, told._replace(**changed))
    return path.parent


def without_sweep(folder: Path) -> dict:
    """`baselines` of a run's predictions, but for the sweep's."""
    return predictions.read(folder / predictions.FILE).baselines | {"sweep_maximum": None}
