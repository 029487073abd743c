"""Memory of a training step, as the compiler reckons it."""

import jax
import numpy as np
import pytest

from jaxcbis.models import whole_image
from jaxcbis.training import memory
from tests.training.whole import classifier, recipe


def sizes(tree) -> int:
    return sum(np.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def test_a_steps_bytes_hold_what_it_is_given_and_grow_with_the_images():
    model, given = classifier(), recipe()
    phase = given.phases[0]
    small, large = (memory.of_step(model, given, phase, (side, 32), np.uint8) for side in (32, 256))
    arguments = memory.arguments(model, given, phase, (32, 32), np.uint8)
    assert small >= sizes(arguments["state"]) + sizes(arguments["frozen"])
    # The stem alone has 8 channels of float32 at a quarter of the pixels.
    assert large - small >= 2 * (256 - 32) * 32 / 4 * 8 * 4


@pytest.mark.parametrize("augment", [True, False])
def test_it_reckons_the_step_that_is_taken(augment):
    model, given = classifier(), recipe(augment=augment)
    found = memory.arguments(model, given, given.phases[1], (40, 24), np.uint16)
    batch = found["batch"]
    assert found["plan"].recomputed == ("layer2", "top")
    if augment:
        assert found["plan"].stages[0] == "input"
        assert (batch.inputs.shape, batch.inputs.dtype) == ((2, 40, 24, 1), np.uint16)
        assert batch.draws.shape == (2, 3)
    else:
        assert found["plan"].stages[0] == "layer2"
        assert (batch.inputs.shape, batch.draws) == ((2, 10, 6, 8), None)


def test_it_takes_a_model_of_shapes_alone():
    options = classifier().architecture.options
    model = whole_image.blank("tiny", options)
    given = recipe()
    found = memory.arguments(model, given, given.phases[1], (40, 24), np.uint8)
    leaves = jax.tree.leaves((found["state"], found["frozen"], found["batch"]))
    assert all(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in leaves)
