"""Small runs to compare, made from drawn answers."""

import base64
import json
from pathlib import Path

import cv2
import numpy as np

from jaxcbis.records.predictions import Predictions
from jaxcbis.report.page import patches
from jaxcbis.report.page.folder import Run
from jaxcbis.report.page.patches import Tested
from tests.report import example_run, made_run


def answers(seed: int = 0, right: float = 0.4, count: int = 60) -> Predictions:
    """Answers to the same patches whatever the seed, two a patient."""
    labels = np.arange(count) % 5
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(5), count)
    probabilities[np.arange(count), labels] += right
    probabilities /= probabilities.sum(1, keepdims=True)
    iou = np.where(labels == 0, np.nan, rng.random(count))
    ids = np.array([f"patch_{k}" for k in range(count)])
    return Predictions(ids, (np.arange(count) // 2).astype(str), labels, probabilities, iou)


def run(name: str, told: Predictions | None, **config) -> Run:
    """A run without a folder."""
    results = example_run.results()
    results["config"] |= config
    return Run(Path("nowhere") / name, name, results, told)


def written(place: Path, names: str, drawn: Path) -> list[Path]:
    """Folders of runs on the same patches, the second at half the image size.

    Args:
      place: where they go.
      names: a letter for each.
      drawn: figures of a run, that need not be drawn again.
    """
    folders = [
        made_run.write(place / name, count=24, seed=k, drawn=drawn) for k, name in enumerate(names)
    ]
    smaller(folders[1], 32)
    return folders


def tested(name: str, told: Predictions | None, **config) -> Tested:
    """The same, with what was tested."""
    return patches.of(run(name, told, **config))


def smaller(folder: Path, size: int) -> None:
    """Makes the pictures of a run's gallery those of a run at another image size."""
    path = folder / "gallery.json"
    held = json.loads(path.read_text())
    for item in held["patches"]:
        data = np.frombuffer(base64.b64decode(item["image"]), np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
        image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
        item["image"] = base64.b64encode(cv2.imencode(".jpg", image)[1].tobytes()).decode()
    path.write_text(json.dumps(held))
