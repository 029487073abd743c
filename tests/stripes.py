"""A small data set of striped patches in a file, as `prepare --export` writes it."""

from pathlib import Path

import numpy as np

from jaxcbis.data import exported, patches
from jaxcbis.data.patches import Dataset, Patches
from jaxcbis.labels import LABELS

SIZE = 32


def write(file: Path) -> Path:
    """Writes 40 patches to train, 10 to validate and 20 to test, told apart by their stripes."""
    rng = np.random.default_rng(0)

    def part(name, count):
        labels = np.arange(count, dtype=np.int32) % len(LABELS)
        waves = np.sin(np.arange(SIZE) * (labels[:, None] + 1) / 4)[:, None]
        images = 120 + 60 * waves + rng.normal(0, 10, (count, SIZE, SIZE))
        masks = np.zeros((count, SIZE, SIZE), bool)
        masks[labels > 0, 8:24, 8:24] = True
        ids = np.array([f"{name}_{i}" for i in range(count)])
        sizes = np.full((count, 2), SIZE, np.int32)
        return Patches(images.clip(0, 255).astype(np.uint8), masks, labels, ids, ids, sizes)

    splits = {name: part(name, n) for name, n in zip(patches.SPLITS, (40, 10, 20), strict=True)}
    exported.save(file, Dataset(splits, "stripes", "stripes", []), "paper")
    return file
