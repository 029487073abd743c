"""Finished mammogram runs for what reads them back, without training."""

from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

import tests.tiny  # noqa: F401 - registers its backbones
from jaxcbis.data import mammograms, normalization
from jaxcbis.evaluation import activation_maps
from jaxcbis.mammograms import config, finished
from jaxcbis.models import backbones, whole_image
from jaxcbis.models.model import HEAD, Model
from jaxcbis.training import checkpoints
from tests.mammograms import example_run

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


def write(folder: Path, *, backbones: Sequence[str] = ("tiny",), **options) -> Path:
    """Writes the models of a run with these options, and made-up figures of the demo data."""
    models = [model(backbone, seed) for seed, backbone in enumerate(backbones)]
    given = {
        "run": [f"runs/{backbone}-{seed}" for seed, backbone in enumerate(backbones)],
        "height": HEIGHT, "width": WIDTH, "top_blocks": 1, "output": str(folder),
    }  # fmt: skip
    example_run.write(folder, record(models, config.resolve(given | options)))
    for place, each in zip(finished.members(folder, len(models)), models, strict=True):
        place.mkdir(parents=True)
        checkpoints.save_model(place, each)
    return folder


def record(models: list[Model], settled: config.MammogramConfig) -> dict:
    """What results.json holds of a finished run with these models."""
    found = example_run.results()
    (patch,), (member,) = found["patch_runs"], found["members"]
    backbones_of = [each.architecture.name for each in models]
    return found | {
        "config": config.recorded(settled),
        "data": found["data"] | {"source": "demo", "name": "demo data (synthetic phantoms)"},
        "weights": [{"source": "random", "sha256": None, "format": "random"}] * len(models),
        "patch_runs": [
            patch | {"folder": run, "backbone": name}
            for run, name in zip(settled.run, backbones_of, strict=True)
        ],
        "model": {
            "options": models[0].architecture.options,
            "normalization": [normalization.to_json(STATISTICS)] * len(models),
        },
        "members": [
            member | {"run": run, "options": each.architecture.options}
            for run, each in zip(settled.run, models, strict=True)
        ],
        "test_flips": found["test_flips"] if settled.test_time_flips else None,
    }
