"""A small problem, recipes and comparisons that the tests of training share."""

import jax
import numpy as np

from jaxcbis.training import strategies
from jaxcbis.training.batches import Examples
from jaxcbis.training.strategies import Recipe
from tests import tiny


def stripes(count: int, seed: int) -> Examples:
    """Noisy stripes, whose width is their class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 5, count).astype(np.int32)
    waves = np.sin(np.arange(tiny.SIZE) * (labels[:, None] + 1) / 4)
    noise = rng.normal(size=(count, tiny.SIZE, tiny.SIZE))
    inputs = (waves[:, None] + 0.3 * noise)[..., None].astype(np.float32)
    return Examples(inputs, labels, [f"id{i}" for i in range(count)])


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
