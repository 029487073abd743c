"""A small problem: stripes of five widths, and a model that learns them."""

import numpy as np
import pytest

from jaxcbis.models import backbones
from jaxcbis.models.model import Model
from jaxcbis.training.batches import Examples, Splits
from tests import tiny


def stripes(count: int, seed: int) -> Examples:
    """Noisy stripes, whose width is their class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 5, count).astype(np.int32)
    waves = np.sin(np.arange(tiny.SIZE) * (labels[:, None] + 1) / 4)
    noise = rng.normal(size=(count, tiny.SIZE, tiny.SIZE))
    inputs = (waves[:, None] + 0.3 * noise)[..., None].astype(np.float32)
    return Examples(inputs, labels, [f"id{i}" for i in range(count)])


@pytest.fixture(scope="session")
def model() -> Model:
    """It has BatchNorm; its stem and layer1 are frozen, layer2 and the head learn."""
    return backbones.load("tiny", weights="random", seed=1).model


@pytest.fixture(scope="session")
def splits() -> Splits:
    return Splits(stripes(16, 0), stripes(8, 1))
