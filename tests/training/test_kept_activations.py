"""Activations in front of what learns: where they are kept, and that they are the same there."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcbis.models import backbones
from jaxcbis.training import kept_activations


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_what_does_not_fit_the_device_is_kept_in_a_file(splits, tmp_path, monkeypatch, dtype):
    model = backbones.load("tiny_vgg", weights="random", dtype=dtype).model
    stages = kept_activations.in_front(model.stages, "block2")
    images = splits.train.inputs
    here = kept_activations.compute(model, images, stages, tmp_path)
    assert isinstance(here, jax.Array)
    monkeypatch.setattr(kept_activations.device, "free_memory", lambda sharers: here.nbytes)
    there = kept_activations.compute(model, images, stages, tmp_path)
    assert isinstance(there, np.memmap)
    assert there.dtype == here.dtype == dtype
    np.testing.assert_array_equal(np.asarray(there), np.asarray(here))
    assert not any(tmp_path.iterdir()), "the file has no name, and so goes with the process"


def test_stages_in_two_parts_are_all_of_them(model, splits, tmp_path):
    half = kept_activations.behind(model, splits, model.frozen, tmp_path)
    pooled = kept_activations.in_front(model.stages, "head")
    in_two, at_once = (
        kept_activations.behind(model, each, pooled, tmp_path) for each in (half, splits)
    )
    assert in_two.stages == at_once.stages == ("stem", "layer1", "layer2", "pool")
    for one, other in zip(in_two[:2], at_once[:2], strict=True):
        np.testing.assert_allclose(one.inputs, other.inputs, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(one.labels, other.labels)
        assert one.ids is other.ids
    described = kept_activations.described(at_once)
    assert described == {
        "stages": list(pooled), "megabytes": 24 * 16 * 4 / 2**20, "place": "device",
    }  # fmt: skip
