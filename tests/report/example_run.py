"""A made-up finished run, for the tests of tables, figures and report."""

import copy
import functools

import numpy as np

from jaxcbis.data.patches import Patches
from jaxcbis.evaluation import baselines, localization, metrics
from jaxcbis.labels import BACKGROUND, LABELS
from jaxcbis.records.predictions import Predictions

COUNT = 120


def predictions(absent=()) -> Predictions:
    """What predictions.csv of the same run holds; patch k is called patch_k."""
    rng = np.random.default_rng(0)
    labels = rng.choice([k for k in range(len(LABELS)) if k not in absent], COUNT)
    probabilities = rng.dirichlet(np.ones(len(LABELS)), COUNT)
    probabilities[np.arange(COUNT), labels] += 0.4
    probabilities /= probabilities.sum(1, keepdims=True)
    patients = rng.integers(0, 60, COUNT).astype(str)
    ids = np.array([f"patch_{k}" for k in range(COUNT)])
    iou = np.where(labels == BACKGROUND, np.nan, 0.25)
    return Predictions(ids, patients, labels, probabilities, iou)


@functools.cache
def _scored(absent) -> tuple[dict, dict]:
    ids, patients, labels, probabilities, *_ = predictions(absent)
    masks = np.zeros((COUNT, 16, 16), bool)
    masks[:, 4:12, 3:10] = True
    images = np.random.default_rng(1).integers(0, 256, (COUNT, 16, 16), np.uint8)
    sizes = np.zeros((COUNT, 2), np.int32)
    patches = Patches(images, masks, labels, ids, patients, sizes)
    maps = np.random.default_rng(0).random((COUNT, 4, 4), dtype=np.float32)
    prior = localization.Prior(baselines.mean_mask(patches), threshold=0.35)
    found, _ = localization.score(patches, probabilities.argmax(1), maps, prior=prior)
    return metrics.classification(labels, probabilities, patients), found


def results(*, backbone="resnet50", strategy="s2", demo=False, absent=()) -> dict:
    """results.json of a run whose predictions are drawn at random; `absent`: label indices."""
    labels = predictions(absent).labels
    test, found = copy.deepcopy(_scored(absent))
    per_class = {label: int((labels == k).sum()) for k, label in enumerate(LABELS)}
    split = {"total": COUNT, "per_class": per_class, "patients": 60}
    history = [
        {
            "phase": phase,
            "epoch": epoch,
            "train_loss": 1.6 - 0.1 * epoch if epoch else None,
            "train_accuracy": 0.3 + 0.05 * epoch if epoch else None,
            "val_loss": 1.5 - 0.1 * epoch,
            "val_accuracy": 0.35 + 0.04 * epoch,
            "seconds": 1.0,
            "learning_rates": {"head": 1e-4},
        }
        for phase in ("head", "layer4")
        for epoch in range(4)
    ]
    return {
        "schema": 1,
        "status": "finished",
        "config": {
            "backbone": backbone, "strategy": strategy, "protocol": "paper", "seed": 0,
            "cam_method": "gradcam",
        },
        "environment": {"python": "3.11", "backend": "cpu", "device": "cpu"},
        "data": {
            "source": "demo" if demo else "release",
            "name": "demo" if demo else "CBIS-DDSM",
            "splits": {"train": split, "validation": split, "test": split},
            "dropped": [{"id": "Mass-Training_P_00001_LEFT_CC_1", "reason": "no mask"}],
            "leakage": {"patients_in_train_and_test": 3, "test_items_affected": 7},
        },
        "weights": {"source": "random", "sha256": None, "format": "random"}
        if demo
        else {"source": "imagenet", "sha256": "00", "format": "torchvision-safetensors"},
        "model": {"options": {}, "normalization": None, "lesion_side": 20.0},
        "history": history,
        "best": {"phase": "layer4", "epoch": 2, "val_loss": 1.3},
        "test": test,
        "test_without_label_normalization": test,
        "test_official": None,
        "covering": None,
        "localization": found,
        "timing": {"train_s": 8.0, "evaluate_s": 1.0, "peak_memory_mb": 512},
        "notes": ["A note with [brackets] and <markup>."],
    }  # fmt: skip
