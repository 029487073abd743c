"""Views made by hand, as the loader gives them."""

import numpy as np

from jaxcbis.data.mammograms import Views


def views(count: int, side: int = 40, dtype=np.uint8) -> Views:
    """Breasts in the left half of their views, each of another patient; none has a lesion."""
    images = np.zeros((count, side, side), dtype)
    images[:, 4:-4, : side // 2] = np.iinfo(dtype).max // 2
    names = np.array([f"P_{k:05d}" for k in range(count)])
    empty = np.zeros((count, side, side), bool)
    return Views(
        images, empty, empty.copy(), np.zeros(count, np.int32),
        np.char.add(names, "_LEFT_CC"), names, np.full(count, "LEFT"), np.full(count, "CC"),
        np.tile(np.array([0, 0, side, side], np.int32), (count, 1)),
        np.zeros(count, bool), np.ones(count, bool),
    )  # fmt: skip


def answers(count: int, seed: int = 0):
    """Patients of one or two breasts, of one or two views each, told apart somewhat."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"P_{k:05d}", side, view)
        for k in range(count)
        for side in ("LEFT", "RIGHT")[: rng.integers(1, 3)]
        for view in ("CC", "MLO")[: rng.integers(1, 3)]
    ]
    patients, sides, projections = np.array(rows).T
    labels = rng.integers(0, 2, len(rows))
    # Some ties, as of a model that is sure.
    probabilities = np.round(np.clip(rng.normal(0.4 + 0.2 * labels, 0.2), 0, 1), 2)
    return labels, patients, sides, projections, probabilities
