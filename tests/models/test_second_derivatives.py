"""The gradient of what is computed from a gradient, as of a loss of a class activation map.

The kernels have gradients of their own (ReLU, max-pool, a choice by platform); those have to have
gradients, too.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcbis.models import backbones
from jaxcbis.models.model import HEAD, merge, run
from tests import tiny

STEP = 1e-6


@pytest.fixture(autouse=True)
def double(monkeypatch):
    """All in float64, so that a difference of two losses has digits."""
    with jax.enable_x64(True):
        monkeypatch.setattr(jnp, "float32", jnp.float64)
        yield


def loss_of(model, train):
    """A function of the model's parameters: where the Grad-CAMs at its last stage are, row by row.

    Args:
      model: whole.
      train: of `run`.
    """
    images = np.random.default_rng(0).normal(size=(2, tiny.SIZE, tiny.SIZE, 3))

    def loss(params):
        network = merge(model.replace(params, model.stats))
        features, _ = run(network, images, model.stages, train)
        gradient = jax.grad(lambda x: run(network, x, (HEAD,))[0][:, 1].sum())(features)
        maps = (features * gradient.mean((1, 2), keepdims=True)).sum(-1)
        rows = jnp.linspace(-1, 1, maps.shape[1])[:, None]
        return (maps * rows).sum() / jnp.linalg.norm(maps)

    return jax.jit(loss)


@pytest.mark.parametrize(
    ("name", "options", "train"),
    [
        ("tiny", {"output_stride": 16}, ["layer2"]),
        ("tiny_vgg", {}, []),
        ("tiny_vgg", {"head": "pool"}, []),
    ],
)
def test_gradient_equals_finite_differences(name, options, train):
    model = backbones.load(name, weights="random", dtype=jnp.float64, **options).model
    params = jax.tree.map(lambda array: jnp.asarray(array, jnp.float64), model.params)
    loss = loss_of(model, train)
    gradient = jax.jit(jax.grad(loss))(params)
    rng = np.random.default_rng(1)
    for stage in (model.stages[-1], HEAD):
        way = jax.tree.map(lambda leaf: rng.normal(scale=0.1, size=leaf.shape), params[stage])

        def at(step, stage=stage, way=way):
            moved = jax.tree.map(lambda leaf, d: leaf + step * d, params[stage], way)
            return loss(params | {stage: moved})

        slope = (at(STEP) - at(-STEP)) / (2 * STEP)
        products = jax.tree.map(jnp.vdot, gradient[stage], way)
        assert abs(slope) > 1e-3, stage
        np.testing.assert_allclose(sum(jax.tree.leaves(products)), slope, rtol=1e-6, err_msg=stage)
