"""The kernels against lax: values, gradients, and which platform gets which."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import export, lax

from jaxcbis.models import kernels

pytestmark = pytest.mark.skipif(
    jax.default_backend() != "cpu", reason="elsewhere the kernels are lax's own"
)


def normal(seed: int, *shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def assert_close(got, expected):
    scale = float(jnp.abs(expected).max())
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5 * max(scale, 1))


def lax_convolve(x, kernel, stride, padding):
    return lax.conv_general_dilated(
        x, kernel, (stride, stride), [(padding, padding)] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )  # fmt: skip


@settings(max_examples=12, deadline=None)
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    inputs=st.integers(1, 4),
    outputs=st.integers(1, 4),
    size=st.sampled_from([1, 3]),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
)
def test_convolution_equals_lax(height, width, inputs, outputs, size, stride, padding):
    if size > min(height, width) + 2 * padding:
        padding = 1
    x, kernel = normal(0, 2, height, width, inputs), normal(1, size, size, inputs, outputs)
    expected, transpose = jax.vjp(lambda x, k: lax_convolve(x, k, stride, padding), x, kernel)
    got, our_transpose = jax.vjp(lambda x, k: kernels.convolve(x, k, stride, padding), x, kernel)
    assert got.shape == expected.shape
    assert_close(got, expected)
    gradient = normal(2, *expected.shape)
    jax.tree.map(assert_close, our_transpose(gradient), transpose(gradient))


def lax_max_pool(x, size, stride, padding):
    pads = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, size, size, 1), (1, stride, stride, 1), pads)


@settings(max_examples=12, deadline=None)
@given(
    height=st.integers(3, 10),
    width=st.integers(3, 10),
    size=st.integers(1, 3),
    stride=st.integers(1, 3),
    padding=st.integers(0, 1),
)
def test_max_pool_equals_lax(height, width, size, stride, padding):
    padding = min(padding, size // 2)
    x = normal(0, 2, height, width, 3)
    expected, transpose = jax.vjp(lambda x: lax_max_pool(x, size, stride, padding), x)
    got, our_transpose = jax.vjp(lambda x: kernels.max_pool(x, size, stride, padding), x)
    np.testing.assert_array_equal(got, expected)
    gradient = normal(1, *expected.shape)
    assert_close(our_transpose(gradient)[0], transpose(gradient)[0])


def test_max_pool_behind_relu_has_lax_gradient_despite_ties():
    x = normal(0, 2, 8, 8, 3)
    ours = jax.grad(lambda x: kernels.max_pool(jax.nn.relu(x - 1), 3, 2, 1).sum())(x)
    plain = jax.grad(lambda x: lax_max_pool(jax.nn.relu(x - 1), 3, 2, 1).sum())(x)
    assert (jax.nn.relu(x - 1) == 0).mean() > 0.7
    np.testing.assert_array_equal(ours, plain)


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 5, 4)])
def test_sums_over_pixels_equal_numpy(shape):
    x, values = normal(0, *shape), normal(1, shape[-1])
    axes = tuple(range(len(shape) - 1))
    got, transpose = jax.vjp(kernels.sum_over_pixels, x)
    assert_close(got, np.asarray(x, np.float64).sum(axes))
    np.testing.assert_array_equal(transpose(values)[0], np.broadcast_to(values, shape))
    got, transpose = jax.vjp(lambda v: kernels.to_pixels(v, shape), values)
    np.testing.assert_array_equal(got, np.broadcast_to(values, shape))
    assert_close(transpose(x)[0], np.asarray(x, np.float64).sum(axes))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_relu_equals_jax(dtype):
    x = normal(0, 100).astype(dtype).at[:9].set(0)
    for ours, theirs in zip(
        jax.vjp(kernels.relu, x)[1](normal(1, 100).astype(dtype)),
        jax.vjp(jax.nn.relu, x)[1](normal(1, 100).astype(dtype)),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(kernels.relu(x), jax.nn.relu(x))


def exported(function, platform, *arrays):
    """The program of a function for another platform than this process computes on."""
    return export.export(jax.jit(function), platforms=[platform])(*arrays).mlir_module()


def test_a_program_has_the_kernels_of_the_platform_that_it_is_lowered_for():
    x, kernel = normal(0, 1, 6, 6, 3), normal(1, 1, 1, 3, 4)
    for_cpu, for_gpu = (
        exported(kernels.convolve, platform, x, kernel) for platform in ("cpu", "cuda")
    )
    assert "stablehlo.dot_general" in for_cpu
    assert "stablehlo.convolution" not in for_cpu
    assert "stablehlo.dot_general" not in for_gpu
    assert "stablehlo.convolution" in for_gpu
    for_cpu, for_gpu = (
        exported(kernels.sum_over_pixels, platform, x) for platform in ("cpu", "cuda")
    )
    assert ("stablehlo.reduce" in for_cpu, "stablehlo.reduce" in for_gpu) == (False, True)
