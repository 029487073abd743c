"""A small problem, and a model that learns it."""

import pytest

from jaxcbis.models import backbones
from jaxcbis.models.model import Model
from jaxcbis.training.batches import Splits
from tests.training.small import stripes


@pytest.fixture(scope="session")
def model() -> Model:
    """It has BatchNorm; its stem and layer1 are frozen, layer2 and the head learn."""
    return backbones.load("tiny", weights="random", seed=1).model


@pytest.fixture(scope="session")
def splits() -> Splits:
    return Splits(stripes(16, 0), stripes(8, 1))
