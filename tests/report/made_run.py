"""The folder of a finished run with made-up patches, answers and maps: no model is trained.

`python -m tests.report.made_run DIR` makes one of 600 patches at 224 pixels, and says how large
its report is and how long it took to write.
"""

import base64
import shutil
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from jaxcbis.data.patches import Patches
from jaxcbis.evaluation import covering, localization, metrics
from jaxcbis.evaluation.activation_maps import Maps
from jaxcbis.labels import BACKGROUND, LABELS
from jaxcbis.records import history, predictions, results
from jaxcbis.records.predictions import Predictions
from jaxcbis.report import run_report
from jaxcbis.report.page import document, gallery
from tests.report.example_run import results as example

GRID = 7


def write(folder: Path, count: int = 60, size: int = 64, seed: int = 0, drawn=None) -> Path:
    """Writes all that a run leaves; with the figures of another one, `drawn`, all but its report.

    Patches are the same for every seed, answers and maps differ.
    """
    rng = np.random.default_rng(seed)
    patches = make_patches(np.random.default_rng(0), count, size)
    maps, true_maps = (np.stack([_map(rng, mask) for mask in patches.masks]) for _ in range(2))
    probabilities = rng.dirichlet(np.full(len(LABELS), 0.5), count)
    probabilities[np.arange(count), patches.labels] += 0.6
    probabilities /= probabilities.sum(1, keepdims=True)
    located, iou = localization.score(patches, probabilities.argmax(1), maps, true_maps)
    seen = covering.cover(patches, seed)
    covered = rng.dirichlet(np.full(len(LABELS), 0.5), len(seen.items))
    hidden = covering.Answers(seen, covered, probabilities[seen.items])
    record = example(demo=True) | {
        "covering": covering.score(patches, probabilities, hidden),
        "test": metrics.classification(patches.labels, probabilities, patches.patients),
        "localization": located,
    }
    answers = Predictions(patches.ids, patches.patients, patches.labels, probabilities, iou)
    folder.mkdir(parents=True)
    results.write(folder / "results.json", record)
    predictions.write(folder / "predictions.csv", answers)
    history.write(folder / "history.csv", record["history"])
    if drawn is None:
        found = Maps(maps, np.log(probabilities), true_maps)
        run_report.write(folder, record, answers, patches, found, hidden)
    else:
        shutil.copytree(drawn, folder / "figures")
        gallery.write(folder, patches, maps, true_maps)
    return folder


def make_patches(rng: np.random.Generator, count: int, size: int) -> Patches:
    """Grainy tissue, and on all but background an ellipse with its mask, brighter by class."""
    labels = rng.integers(0, len(LABELS), count).astype(np.int32)
    images = np.empty((count, size, size), np.uint8)
    masks = np.zeros((count, size, size), np.uint8)
    for image, mask, label in zip(images, masks, labels, strict=True):
        tissue = cv2.resize(
            rng.random((6, 6), np.float32), (size, size), interpolation=cv2.INTER_CUBIC
        )
        grain = cv2.GaussianBlur(rng.normal(size=(size, size)).astype(np.float32), (0, 0), 0.8)
        if label != BACKGROUND:
            centre = rng.integers(size // 3, 2 * size // 3, 2).tolist()
            axes = rng.integers(size // 8, size // 3, 2).tolist()
            cv2.ellipse(mask, centre, axes, float(rng.integers(180)), 0, 360, 1, cv2.FILLED)
        lesion = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), size / 30)
        image[:] = np.clip(60 + 40 * tissue + 35 * label * lesion + 16 * grain, 0, 255)
    return Patches(
        images, masks.astype(bool), labels,
        ids=np.array([f"patch_{k:04}" for k in range(count)]),
        patients=np.array([f"P_{k // 2:05}" for k in range(count)]),
        sizes=np.zeros((count, 2), np.int32),
    )  # fmt: skip


def decoded(text: str) -> bytes:
    """Bytes of base64."""
    return base64.b64decode(text)


def _map(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
    coarse = cv2.resize(mask.astype(np.float32), (GRID, GRID), interpolation=cv2.INTER_AREA)
    return coarse + rng.random((GRID, GRID), np.float32) * np.float32(rng.random() * 2)


if __name__ == "__main__":
    began = time.perf_counter()
    run = write(Path(sys.argv[1]), count=600, size=224)
    print(f"scored, drawn and written in {time.perf_counter() - began:.1f} s")
    began = time.perf_counter()
    document.write(run)
    print(f"the page alone in {time.perf_counter() - began:.1f} s")
    for file in (run / "report.html", run / "gallery.json"):
        print(f"{file}: {file.stat().st_size / 1e6:.2f} MB")
