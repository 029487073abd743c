"""Finished runs on whole mammograms for what reads them back, without training."""

from pathlib import Path

import jax
import numpy as np

import tests.tiny  # noqa: F401 - registers its backbones
from jaxcbis.data import mammograms, normalization
from jaxcbis.evaluation import activation_maps
from jaxcbis.mammograms import config, finished
from jaxcbis.models import backbones, whole_image
from jaxcbis.models.model import HEAD, Model
from jaxcbis.records import results
from jaxcbis.training import checkpoints

HEIGHT, WIDTH = 96, 64
#: Of what its runs were trained on: all grey levels, each once.
STATISTICS = normalization.measure(
    np.arange(256, dtype=np.uint8).reshape(4, 8, 8), np.zeros(4, int)
)


def model(backbone: str = "tiny", seed: int = 0) -> Model:
    """A classifier whose logits of `views` have mean 0 and deviation 1."""
    patch = backbones.load(backbone, weights="random", seed=seed).model
    built = whole_image.build(patch, STATISTICS, blocks=1, seed=seed)
    found = activation_maps.logits(built, views()[..., None])
    linear = built.params[HEAD]["linear"]
    linear["kernel"] = linear["kernel"] / found.std()
    linear["bias"] = (linear["bias"] - found.mean()) / found.std()
    return jax.tree.map(np.asarray, built)


def views(count: int = 3, dtype: type = np.uint8) -> np.ndarray:
    """Of films, [n, HEIGHT, WIDTH]."""
    cuts = [mammograms.cut(film(seed=seed), HEIGHT, WIDTH).image for seed in range(count)]
    return np.stack(cuts).astype(dtype) * (np.iinfo(dtype).max // 255)


def film(height: int = 100, width: int = 80, seed: int = 0) -> np.ndarray:
    """A mammogram: half an ellipse at the left of a dark film, with a bright spot in it."""
    rows, columns = np.mgrid[:height, :width]
    rows, columns = rows / height, columns / width
    inside = (rows * 2.4 - 1.2) ** 2 + (columns * 1.4) ** 2 < 1
    y, x, size = np.random.default_rng(seed).uniform((0.3, 0.1, 0.05), (0.7, 0.4, 0.15))
    spot = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / size**2)
    return np.where(inside, 80 + 120 * spot, 0).astype(np.uint8)


def write(folder: Path, *, members: int = 1, backbone: str = "tiny", **options) -> Path:
    """Writes results.json and the models of a run with these options."""
    folder.mkdir(parents=True)
    models = [model(backbone, seed) for seed in range(members)]
    for place, each in zip(finished.members(folder, members), models, strict=True):
        place.mkdir(parents=True)
        checkpoints.save_model(place, each)
    given = {
        "run": [f"runs/{backbone}-{number}" for number in range(members)],
        "height": HEIGHT, "width": WIDTH, "top_blocks": 1, "output": str(folder),
    }  # fmt: skip
    results.write(folder / "results.json", record(models, given | options))
    return folder


def record(models: list[Model], options: dict) -> dict:
    """What results.json holds of a finished run with these models and made-up figures."""
    settled = config.resolve(options)
    patch_runs = [
        {
            "folder": folder, "backbone": each.architecture.name, "strategy": "s2",
            "protocol": "shifted", "seed": 0, "image_size": 32, "lesion_side": 16.4,
            "test_malignancy_auc": 0.7,
        }
        for folder, each in zip(settled.run, models, strict=True)
    ]  # fmt: skip
    figures = {
        "n": 20, "positives": 8, "auc": 0.75, "auc_ci95": [0.6, 0.9],
        "roc": {"false_positive_rate": [0, 0.5, 1], "sensitivity": [0, 1, 1]},
        "operating_points": [
            {
                "name": name, "chosen_on": "validation", "threshold": threshold,
                "sensitivity": 0.75, "sensitivity_ci95": [0.5, 1], "specificity": 0.75,
                "specificity_ci95": [0.5, 1],
            }
            for name, threshold in (
                ("youden", 0.5), ("sensitivity_90", 0.3), ("specificity_80", 0.6)
            )
        ],
        "calibration": {
            "ece": 0.1,
            "bins": [{"low": 0, "high": 1, "n": 20, "confidence": 0.6, "accuracy": 0.7}],
        },
    }  # fmt: skip
    levels = {"view": figures, "breast": figures | {"n": 10}, "patient": figures | {"n": 6}}
    split = {"total": 20, "malignant": 8, "patients": 6}
    best = {"phase": "all", "epoch": 1, "val_loss": 0.6}
    history = [{"phase": "all", "epoch": 1, "train_loss": 0.6, "val_loss": 0.6, "seconds": 1.0}]
    return {
        "schema": results.SCHEMA, "status": results.FINISHED, "kind": results.MAMMOGRAM,
        "config": config.recorded(settled),
        "environment": {"jaxcbis": "0.1.0", "command": "jaxcbis mammogram"},
        "data": {
            "source": "demo", "name": "synthetic phantoms",
            "splits": {name: split for name in ("train", "validation", "test")},
            "dropped": [], "assumed": [], "leakage": None,
        },
        "weights": [{"source": "random", "sha256": None, "format": "random"}] * len(models),
        "patch_runs": patch_runs,
        "model": {
            "options": models[0].architecture.options,
            "normalization": [normalization.to_json(STATISTICS)] * len(models),
        },
        "history": history, "best": best, "prefix": ["input"],
        "members": [
            {"run": run, "history": history, "best": best, "prefix": ["input"], "test": levels}
            for run in settled.run
        ],
        "memory": {"step_mb": 100, "top_step_mb": 10},
        "test": levels, "test_flips": levels if settled.test_time_flips else None,
        "test_official": None,
        "baselines": {
            "sweep_maximum": None, "breast_area": None, "mean_intensity": None,
            "imagenet_start": None, "chance": None,
        },
        "localization": None, "literature": [],
        "timing": dict.fromkeys(
            ("prepare_s", "compile_s", "train_s", "evaluate_s", "sweep_s"), 1.0
        ) | {"train_images_per_s": 1.0, "peak_memory_mb": 100},
        "notes": [],
    }  # fmt: skip
