"""The folder of a finished mammogram run of made-up views, answers and maps: nothing is trained.

`python -m tests.mammograms.example_run DIR` makes one.
"""

import copy
import dataclasses
import functools
import sys
from pathlib import Path

import cv2
import numpy as np

from jaxcbis.data.mammograms import Views
from jaxcbis.mammograms.figures import baselines, levels, literature, localization, predictions
from jaxcbis.mammograms.page import gallery
from jaxcbis.records import results as results_file

HEIGHT, WIDTH, GRID = 96, 72, (6, 4)
PATIENTS = 6


@functools.cache
def views() -> Views:
    """Two views, CC and MLO, of one breast each of six patients; half of them are malignant."""
    rng, count = np.random.default_rng(0), 2 * PATIENTS
    patients = np.arange(count) // 2
    labels = (patients % 2).astype(np.int32)
    images = np.zeros((count, HEIGHT, WIDTH), np.uint8)
    masks = np.zeros((count, HEIGHT, WIDTH), np.uint8)
    for k, (image, mask) in enumerate(zip(images, masks, strict=True)):
        breast = np.zeros_like(mask)
        cv2.ellipse(breast, (0, HEIGHT // 2), (WIDTH - 12, HEIGHT // 2 - 6), 0, 0, 360, 1, -1)
        centre = rng.integers((12, 30), (WIDTH - 34, HEIGHT - 30)).tolist()
        cv2.ellipse(mask, centre, (9, 6), float(rng.integers(180)), 0, 360, 1, cv2.FILLED)
        grain = rng.normal(0, 8, mask.shape)
        image[:] = np.clip(breast * (70 + grain) + mask * (60 + 40 * labels[k]), 0, 255)
    sides = np.where(patients % 3, "LEFT", "RIGHT")
    projections = np.where(np.arange(count) % 2, "MLO", "CC")
    ids = [f"P_{p:05}_{s}_{v}" for p, s, v in zip(patients, sides, projections, strict=True)]
    return Views(
        images, masks.astype(bool), masks.astype(bool) & (labels == 1)[:, None, None], labels,
        ids=np.array(ids), patients=np.array([f"P_{p:05}" for p in patients]), sides=sides,
        views=projections, boxes=np.tile(np.int32([0, 0, WIDTH, HEIGHT]), (count, 1)),
        flipped=sides == "RIGHT", masked=np.ones(count, bool),
    )  # fmt: skip


def changed(**fields: np.ndarray) -> Views:
    """The views with other fields."""
    return dataclasses.replace(views(), **fields)


def probabilities(seed: int = 0) -> np.ndarray:
    """Of malignancy, float64 [n]; higher where it is malignant, as a rule."""
    noise = np.random.default_rng(seed).normal(0, 0.3, len(views().ids))
    return np.clip(0.35 + 0.2 * views().labels + noise, 0.02, 0.98)


def maps() -> np.ndarray:
    """Of malignancy, float32 [n, 6, 4], at least 0: the lesion, and noise."""
    rng = np.random.default_rng(3)
    coarse = [
        cv2.resize(mask.astype(np.float32), GRID[::-1], interpolation=cv2.INTER_AREA)
        for mask in views().masks
    ]
    return np.stack(coarse) + rng.random((len(coarse), *GRID), np.float32) * np.float32(0.3)


@functools.cache
def _results() -> dict:
    test = _scored(probabilities())
    history = [
        {"phase": phase, "epoch": epoch, "train_loss": 0.7 - 0.05 * epoch if epoch else None,
         "train_accuracy": 0.5 + 0.05 * epoch if epoch else None, "val_loss": 0.7 - 0.04 * epoch,
         "val_accuracy": 0.5 + 0.04 * epoch, "seconds": 1.0, "learning_rates": {"head": 1e-4}}
        for phase in ("top", "all") for epoch in range(4)
    ]  # fmt: skip
    best = {"phase": "all", "epoch": 3, "val_loss": 0.58}
    split = {"total": 12, "malignant": 6, "patients": 6}
    return {
        "schema": 1,
        "status": "finished",
        "kind": "mammogram",
        "config": {
            "data": "/data/release", "run": ["/runs/r50-s2"], "start": "patch", "height": HEIGHT,
            "width": WIDTH, "top": "residual", "top_blocks": 2, "top_input": "features",
            "batch_size": 2, "top_lr": 1e-4, "backbone_lr": 1e-5, "lr_decay": 0.3, "epochs": 30,
            "patience": 5, "min_delta": 0.0, "no_augmentation": False,
            "no_gradient_checkpointing": False, "test_time_flips": True, "no_sweep": False,
            "imagenet_run": "/runs/imagenet", "seed": 1, "precision": "float32", "device": "auto",
            "deterministic": False, "output": "/runs/whole", "resume": False, "coordinator": None,
            "num_processes": None, "process_id": None, "data_dir": None,
        },
        "environment": {"python": "3.11", "backend": "cpu", "device": "cpu"},
        "data": {
            "source": "/data/release", "name": "CBIS-DDSM",
            "splits": {"train": split, "validation": split, "test": split,
                       "test_overlap": {"total": 0, "malignant": 0, "patients": 0}},
            "dropped": [{"id": "P_00009_LEFT_CC", "reason": "no image"}],
            "assumed": [{"id": "P_00010_LEFT_CC", "reason": "no mask file"}],
            "leakage": {"patients_in_train_and_test": 0, "test_items_affected": 0},
        },
        "weights": [{"source": "/runs/r50-s2", "sha256": "00", "format": "jaxcbis"}],
        "patch_runs": [
            {"folder": "/runs/r50-s2", "backbone": "resnet50", "strategy": "s2",
             "protocol": "shifted", "seed": 0, "image_size": 112, "lesion_side": 20.0,
             "test_malignancy_auc": 0.71}
        ],
        "model": {"options": {}, "normalization": [{"mean": 0.3, "deviation": 0.2}]},
        "history": history,
        "best": best,
        "prefix": None,
        "members": [{"run": "/runs/r50-s2", "history": history, "best": best, "prefix": None,
                     "test": test}],
        "memory": {"step_mb": 2100.0, "top_step_mb": 800.0},
        "test": test,
        "test_flips": _scored((probabilities() + probabilities(5)) / 2),
        "test_official": _scored(probabilities(7)),
        "baselines": _held_against(),
        "localization": _located(),
        "literature": literature.beside("CBIS-DDSM"),
        "timing": {"prepare_s": 3.0, "compile_s": 5.0, "train_s": 40.0, "evaluate_s": 2.0,
                   "sweep_s": 20.0, "train_images_per_s": 2.5, "peak_memory_mb": 3000},
        "notes": ["A note with [brackets] and <markup>."],
    }  # fmt: skip


def results() -> dict:
    """results.json of the run; of all levels, baselines, and parts that a run can have."""
    return copy.deepcopy(_results())


def bare() -> dict:
    """The same of a run that has every figure null that may be: one class, no masks, no sweep."""
    found, made = results(), views()
    benign = changed(
        malignant_masks=np.zeros_like(made.masks), labels=np.zeros_like(made.labels),
        masked=np.zeros_like(made.masked),
    )  # fmt: skip
    answers = _answers(probabilities())._replace(labels=benign.labels)
    nothing = levels.score(answers, levels.thresholds(answers))
    located = localization.of_maps(benign, maps(), probabilities()) | {"sweep": None}
    return found | {
        "test": nothing, "test_flips": None, "test_official": None, "memory": None,
        "members": [found["members"][0] | {"test": nothing}], "literature": [], "history": [],
        "baselines": dict.fromkeys(found["baselines"]), "timing": {}, "notes": [],
        "localization": located,
    }  # fmt: skip


def write(folder: Path, found: dict | None = None) -> Path:
    """Writes what a run leaves for its report; `found` stands in results.json if it is given."""
    folder.mkdir(parents=True)
    found = found or results()
    results_file.write(folder / "results.json", found)
    of_views, made = probabilities(), views()
    flips = (of_views + probabilities(5)) / 2
    answers = predictions.Predictions(
        made.ids, made.patients, made.sides, made.views, made.labels, of_views, flips, _others()
    )
    predictions.write(folder / predictions.FILE, answers)
    gallery.keep(folder, made, of_views, maps(), flips)
    return folder


def _answers(of_views: np.ndarray) -> levels.Answers:
    return levels.Answers(views().labels, views().patients, views().sides, of_views)


def _scored(of_views: np.ndarray) -> dict:
    return levels.score(_answers(of_views), levels.thresholds(_answers(probabilities(9))))


def _others() -> dict:
    """Scores of the baselines."""
    return {"sweep_maximum": 1 - probabilities(11)} | baselines.of_views(views(), views())


def _held_against() -> dict:
    others = _others() | {"imagenet_start": probabilities(13)}
    return baselines.compare(views().labels, views().patients, probabilities(), others)


def _located() -> dict:
    ours = localization.marks_of_maps(views(), maps(), probabilities())
    rng = np.random.default_rng(4)
    swept = [
        localization.Marks(rng.integers(0, (HEIGHT, WIDTH), (3, 2)), rng.random(3)) for _ in ours
    ]
    found = localization.of_maps(views(), maps(), probabilities())
    return found | {"sweep": localization.of_sweep(views(), swept, ours)}


if __name__ == "__main__":
    from jaxcbis.mammograms.page import document

    print(document.write(write(Path(sys.argv[1]))))
