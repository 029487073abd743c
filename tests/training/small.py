"""Recipes and comparisons that the tests of training share."""

import jax
import numpy as np

from jaxcbis.training import strategies
from jaxcbis.training.strategies import Recipe


def recipe(strategy: str = "s1", **changes) -> Recipe:
    """How `tiny` is trained."""
    phases = strategies.phases(strategy, ["layer2"], head_lr=1e-2, backbone_lr=1e-3, lr_decay=0.3)
    given = {
        "phases": phases, "batch_size": 8, "epochs": 2, "patience": 7, "min_delta": 0.01,
        "batch_norm": "train", "seed": 3,
    }  # fmt: skip
    return Recipe(**given | changes)


def arrays(tree) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def same_bytes(one, two) -> bool:
    """Whether two trees hold the same arrays, bit by bit."""
    pairs = zip(arrays(one), arrays(two), strict=True)
    return all(a.tobytes() == b.tobytes() for a, b in pairs)


def figures(history: list[dict]) -> list[dict]:
    """A history without the times."""
    return [{key: row[key] for key in row if key != "seconds"} for row in history]
