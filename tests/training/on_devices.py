"""Trains and tests on as many devices as JAX has; run by test_sharding.py in a process of its own.

What it found goes to the .npz file that is its only argument.
"""

import sys
import tempfile
from pathlib import Path

import jax
import numpy as np

from jaxcbis.evaluation import activation_maps
from jaxcbis.machine import backend, sharding
from jaxcbis.models import backbones
from jaxcbis.training import kept_activations, strategies
from jaxcbis.training.batches import Examples, Splits
from jaxcbis.training.fit import fit
from jaxcbis.training.strategies import Recipe

SIZE = 64
#: Neither a multiple of the batch nor of the devices, and fewer than these.
COUNTS = {"train": 21, "validation": 5, "test": 6}


def examples(count: int, seed: int) -> Examples:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 5, count).astype(np.int32)
    stripes = np.sin(np.arange(SIZE) * (labels[:, None] + 1) / 4)
    noise = rng.normal(size=(count, SIZE, SIZE))
    return Examples((stripes[:, None] + 0.3 * noise)[..., None].astype(np.float32), labels)


def main(path: str) -> None:
    backend.start("cpu")
    found: dict[str, np.ndarray] = {"devices": np.array(jax.device_count())}
    backbone = sharding.on_all(backbones.load("resnet34", weights="random", seed=1).model)
    train, validation, test = (examples(count, i) for i, count in enumerate(COUNTS.values()))
    kept = {"device": kept_activations.SHARE, "file": 0.0}
    for strategy, place in (("s1", "device"), ("s2", "device"), ("s2", "file")):
        kept_activations.SHARE = kept[place]
        phases = strategies.phases(
            strategy, ["layer4"], head_lr=1e-4, backbone_lr=1e-6, lr_decay=0.3
        )
        with tempfile.TemporaryDirectory() as folder:
            recipe = Recipe(phases, 8, 2, 7, 0.01, batch_norm="train", seed=3)
            done = fit(backbone, recipe, Splits(train, validation), Path(folder))
        history = done.progress.history
        assert {phase["place"] for phase in done.progress.prefix} == {place}
        name = f"{strategy} {place}"
        found[f"{name}: training losses"] = np.array(
            [r["train_loss"] for r in history if r["epoch"]]
        )
        found[f"{name}: validation losses"] = np.array([r["val_loss"] for r in history])
        maps = activation_maps.maps(done.model, test.inputs, labels=test.labels)
        found[f"{name}: logits"] = maps.logits
        found[f"{name}: maps"] = maps.maps
        found[f"{name}: accuracy"] = np.array([r["val_accuracy"] for r in history])
        layer4 = done.model.stats["layer4"]
        leaves = map(np.ravel, jax.tree.leaves(sharding.fetch(layer4)))
        found[f"{name}: BatchNorm statistics"] = np.concatenate(list(leaves))
    np.savez(path, **found)


if __name__ == "__main__":
    main(sys.argv[1])
