"""A small problem of whole images, and recipes, that the tests of training share."""

import numpy as np

from jaxcbis.data.normalization import Statistics
from jaxcbis.models import backbones, whole_image
from jaxcbis.models.model import Model
from jaxcbis.training import strategies
from jaxcbis.training.batches import Examples
from jaxcbis.training.strategies import Recipe

#: Height and width.
SHAPE = (40, 24)
STATISTICS = Statistics(0.4, 0.2, np.zeros(5, np.float32), np.ones(5, np.float32))


def views(count: int, seed: int, dtype: type = np.uint8) -> Examples:
    """Noise, with a bright spot somewhere in the malignant ones."""
    rng = np.random.default_rng(seed)
    highest = np.iinfo(dtype).max
    images = rng.integers(0, highest // 3, (count, *SHAPE), dtype)
    labels = (np.arange(count) % 2).astype(np.int32)
    for image, label in zip(images, labels, strict=True):
        row, column = rng.integers(2, np.array(SHAPE) - 10)
        image[row : row + 8, column : column + 8] += dtype(label * highest // 2)
    return Examples(images[..., None], labels, [f"view{i}" for i in range(count)])


def classifier(name: str = "tiny", **options) -> Model:
    patch = backbones.load(name, weights="random", seed=1, head=options.pop("head", None)).model
    return whole_image.build(patch, STATISTICS, **{"blocks": 1} | options)


def recipe(trainable=("layer2",), top_input: str = "features", **changes) -> Recipe:
    """How it is trained."""
    phases = strategies.whole_image_phases(
        trainable, top_input, top_lr=1e-3, backbone_lr=1e-4, lr_decay=0.3
    )
    given = {
        "phases": phases, "batch_size": 2, "epochs": 2, "patience": 7, "min_delta": 0.0,
        "batch_norm": "frozen", "seed": 3, "augment": True, "checkpoint": True,
    }  # fmt: skip
    return Recipe(**given | changes)
