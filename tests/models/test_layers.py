"""BatchNorm against torch's, in both modes, and folded into a convolution."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcbis.models.layers import BatchNorm, Convolution, convolve_and_normalize


@pytest.mark.parametrize("train", [True, False])
def test_batch_norm_equals_torch(train, torch, torch_reference):
    rng = np.random.default_rng(0)
    x = rng.normal(1, 2, size=(3, 4, 5, 6)).astype(np.float32)
    ours, theirs = BatchNorm(6), torch.nn.BatchNorm2d(6).train(train)
    names = {"scale": "weight", "bias": "bias", "mean": "running_mean", "var": "running_var"}
    for name, torch_name in names.items():
        values = rng.uniform(0.5, 1.5, 6).astype(np.float32)
        getattr(ours, name).set_value(jnp.asarray(values))
        getattr(theirs, torch_name).data = torch.from_numpy(values)

    expected = torch_reference.to_numpy(theirs(torch_reference.to_torch(x)))
    np.testing.assert_allclose(ours(x, train), expected, rtol=0, atol=1e-5)

    for name in ("mean", "var"):
        running = getattr(theirs, names[name]).numpy()
        np.testing.assert_allclose(getattr(ours, name)[...], running, rtol=1e-5)


def test_batch_norm_computes_in_float32_and_keeps_the_type():
    x = jnp.full((64, 2), 1.0, jnp.bfloat16)
    norm = BatchNorm(2)
    norm.scale.set_value(jnp.ones(2))
    norm.var.set_value(jnp.full(2, 1e-5))
    out = norm(x, False)
    assert out.dtype == jnp.bfloat16
    np.testing.assert_allclose(out.astype(jnp.float32), (2e-5) ** -0.5, rtol=4e-3)


def convolution_and_norm(dtype):
    rng = np.random.default_rng(0)
    conv, norm = Convolution(16, 24, 3, padding=1, dtype=dtype), BatchNorm(24)
    conv.kernel.set_value(jnp.asarray(rng.normal(0, 0.1, (3, 3, 16, 24)), jnp.float32))
    for name in ("scale", "bias", "mean", "var"):
        values = rng.uniform(0.2, 3, 24) * (rng.choice([-1, 1], 24) if name == "bias" else 1)
        getattr(norm, name).set_value(jnp.asarray(values, jnp.float32))
    return conv, norm, jnp.asarray(rng.normal(size=(2, 9, 9, 16)), jnp.float32)


@pytest.mark.parametrize("train", [True, False])
def test_convolving_and_normalizing_is_one_after_the_other(train):
    conv, norm, x = convolution_and_norm(jnp.float32)
    expected = norm(conv(x), train)
    got = convolve_and_normalize(*convolution_and_norm(jnp.float32), train)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)


def test_folding_costs_bfloat16_no_more_than_normalizing_does():
    conv, norm, x = convolution_and_norm(jnp.float32)
    exact = norm(conv(x), False)
    conv, norm, x = convolution_and_norm(jnp.bfloat16)
    x = x.astype(jnp.bfloat16)

    def error(y):
        assert y.dtype == jnp.bfloat16
        return float(jnp.abs(y.astype(jnp.float32) - exact).mean())

    folded, after = error(convolve_and_normalize(conv, norm, x, False)), error(norm(conv(x), False))
    assert 0 < folded < 1.5 * after
