"""Trains and tests on as many devices as JAX has; run by test_sharding.py in a process of its own.

Its arguments are the backbone, whose last stage learns, and the .npz file for what it found.
"""

import sys
import tempfile
from pathlib import Path

import jax
import numpy as np

from jaxcbis.evaluation import activation_maps
from jaxcbis.machine import backend, sharding
from jaxcbis.models import backbones, whole_image
from jaxcbis.models.inference import forward
from jaxcbis.training import kept_activations, look, strategies
from jaxcbis.training.batches import Splits
from jaxcbis.training.fit import fit
from jaxcbis.training.strategies import Recipe
from tests.training import whole
from tests.training.small import stripes

#: Neither a multiple of the batch nor of the devices, and fewer than these.
COUNTS = {"train": 21, "validation": 3, "test": 3}


def find(name: str) -> dict[str, np.ndarray]:
    """Losses, logits, maps and statistics of a backbone by both strategies."""
    found: dict[str, np.ndarray] = {"devices": np.array(jax.device_count())}
    model = sharding.on_all(backbones.load(name, weights="random", seed=1).model)
    last = model.stages[-1]
    train, validation, test = (stripes(count, i) for i, count in enumerate(COUNTS.values()))
    grid = forward(model, test.inputs, model.stages).shape[1]
    drawn = np.random.default_rng(0)
    masked = Splits(*(
        split._replace(targets=look.targets(drawn.random(split.inputs.shape[:3]) > 0.7, grid))
        for split in (train, validation)
    ))  # fmt: skip
    # With the localisation term and without it.
    given = {"s1": (Splits(train, validation), 0.0), "s2": (masked, 0.5)}
    kept = {"device": kept_activations.SHARE, "file": 0.0}
    for strategy, place in (("s1", "device"), ("s2", "file")):
        kept_activations.SHARE = kept[place]
        phases = strategies.phases(strategy, [last], head_lr=1e-4, backbone_lr=1e-6, lr_decay=0.3)
        with tempfile.TemporaryDirectory() as folder:
            splits, weight = given[strategy]
            recipe = Recipe(phases, 8, 2, 7, 0.01, "train", seed=3, look_weight=weight)
            done = fit(model, recipe, splits, Path(folder))
        history = done.progress.history
        assert {phase["place"] for phase in done.progress.prefix} == {place}
        what = f"{strategy} {place}"
        found[f"{what}: training losses"] = np.array(
            [r["train_loss"] for r in history if r["epoch"]]
        )
        found[f"{what}: validation losses"] = np.array([r["val_loss"] for r in history])
        if weight:
            found[f"{what}: localisation term"] = np.array([r["val_look"] for r in history])
        maps = activation_maps.maps(done.model, test.inputs, labels=test.labels)
        found[f"{what}: logits"] = maps.logits
        found[f"{what}: maps"] = maps.maps
        found[f"{what}: accuracy"] = np.array([r["val_accuracy"] for r in history])
        leaves = map(np.ravel, jax.tree.leaves(sharding.fetch(done.model.stats[last])))
        found[f"{what}: BatchNorm statistics"] = np.concatenate(list(leaves))
    return found


def find_whole() -> dict[str, np.ndarray]:
    """Losses, logits and maps of a classifier of whole images, which are turned on the devices."""
    model = sharding.on_all(whole.classifier())
    train, validation, test = (whole.views(count, i) for i, count in enumerate(COUNTS.values()))
    given = whole.recipe(batch_size=8, epochs=1)
    given = given._replace(phases=given.phases[1:])
    with tempfile.TemporaryDirectory() as folder:
        done = fit(model, given, Splits(train, validation), Path(folder))
    stage = whole_image.mapped(done.model)
    maps, logits, _ = activation_maps.maps(done.model, test.inputs, stage=stage)
    history = done.progress.history
    return {
        "whole images: training losses": np.array([r["train_loss"] for r in history[1:]]),
        "whole images: validation losses": np.array([r["val_loss"] for r in history]),
        "whole images: logits": logits,
        "whole images: maps": maps,
    }


if __name__ == "__main__":
    name, path = sys.argv[1:]
    backend.start("cpu")
    np.savez(path, **find(name), **(find_whole() if name == "tiny" else {}))
