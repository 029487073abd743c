"""The kernels against lax: values, gradients, and which platform gets which."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import export, lax

from jaxcbis.models import kernels
from tests.differences import assert_within

pytestmark = pytest.mark.skipif(
    jax.default_backend() != "cpu", reason="elsewhere the kernels are lax's own"
)


def normal(seed: int, *shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def assert_close(got, expected):
    scale = max(float(jnp.abs(expected).max()), 1)
    what = "convolution, max-pool and sums, with gradients, relative | lax"
    assert_within(1e-5, got, expected, what, scale=scale)


@partial(jax.jit, static_argnums=0)
def with_gradients(function, gradient, *arrays):
    """What a function makes of arrays, and their gradients by that of its result."""
    result, transpose = jax.vjp(function, *arrays)
    return result, transpose(gradient)


def assert_same(ours, theirs, *arrays):
    shape = jax.eval_shape(theirs, *arrays).shape
    gradient = normal(2, *shape)
    got, expected = (with_gradients(each, gradient, *arrays) for each in (ours, theirs))
    assert got[0].shape == shape
    jax.tree.map(assert_close, got, expected)


def lax_convolve(x, kernel, stride, padding, dilation):
    return lax.conv_general_dilated(
        x, kernel, (stride, stride), [(padding, padding)] * 2, rhs_dilation=(dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )  # fmt: skip


def assert_convolves(height, width, size, stride, padding, dilation, inputs=3, outputs=4):
    assert_same(
        lambda x, kernel: kernels.convolve(x, kernel, stride, padding, dilation),
        lambda x, kernel: lax_convolve(x, kernel, stride, padding, dilation),
        normal(0, 2, height, width, inputs),
        normal(1, size, size, inputs, outputs),
    )


@pytest.mark.parametrize(
    ("height", "width", "size", "stride", "padding", "dilation"),
    [
        (5, 6, 1, 1, 0, 1),  # one product
        (5, 6, 1, 2, 0, 1),
        (3, 5, 3, 1, 1, 1),  # few pixels: what the kernel sees is gathered
        (9, 7, 3, 2, 1, 1),
        (5, 5, 1, 1, 2, 1),
        (7, 7, 3, 1, 2, 2),
        (9, 8, 3, 2, 2, 3),
        (7, 8, 3, 1, 1, 1),  # many pixels: lax's own
        (7, 8, 3, 1, 2, 2),
    ],
)
def test_convolution_equals_lax(height, width, size, stride, padding, dilation):
    assert_convolves(height, width, size, stride, padding, dilation)


@pytest.mark.full
@settings(max_examples=30, deadline=None)
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    inputs=st.integers(1, 4),
    outputs=st.integers(1, 4),
    size=st.sampled_from([1, 3]),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
)
def test_any_convolution_equals_lax(
    height, width, inputs, outputs, size, stride, padding, dilation
):
    if dilation * (size - 1) >= min(height, width) + 2 * padding:
        padding = dilation
    assert_convolves(height, width, size, stride, padding, dilation, inputs, outputs)


def lax_max_pool(x, size, stride, padding):
    pads = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, size, size, 1), (1, stride, stride, 1), pads)


def assert_pools(height, width, size, stride, padding):
    assert_same(
        lambda x: kernels.max_pool(x, size, stride, padding),
        lambda x: lax_max_pool(x, size, stride, padding),
        normal(0, 2, height, width, 3),
    )


@pytest.mark.parametrize(
    ("height", "width", "size", "stride", "padding"),
    [(8, 6, 2, 2, 0), (7, 9, 2, 2, 0), (8, 8, 3, 2, 1), (5, 4, 3, 1, 1), (6, 5, 1, 3, 0)],
)
def test_max_pool_equals_lax(height, width, size, stride, padding):
    assert_pools(height, width, size, stride, padding)


@pytest.mark.full
@settings(max_examples=30, deadline=None)
@given(
    height=st.integers(3, 10),
    width=st.integers(3, 10),
    size=st.integers(1, 3),
    stride=st.integers(1, 3),
    padding=st.integers(0, 1),
)
def test_any_max_pool_equals_lax(height, width, size, stride, padding):
    assert_pools(height, width, size, stride, min(padding, size // 2))


def test_max_pool_behind_relu_has_lax_gradient_despite_ties():
    x = normal(0, 2, 8, 8, 3)
    assert (jax.nn.relu(x - 1) == 0).mean() > 0.7
    ours, plain = (
        jax.jit(jax.grad(lambda x, pool=pool: pool(jax.nn.relu(x - 1), 3, 2, 1).sum()))(x)
        for pool in (kernels.max_pool, lax_max_pool)
    )
    np.testing.assert_array_equal(ours, plain)


@pytest.mark.parametrize("shape", [(4,), (2, 3, 5, 4)])
def test_sums_over_pixels_equal_numpy(shape):
    x, values = normal(0, *shape), normal(1, shape[-1])
    axes = tuple(range(len(shape) - 1))
    got, (gradient,) = with_gradients(kernels.sum_over_pixels, values, x)
    assert_close(got, np.asarray(x, np.float64).sum(axes))
    np.testing.assert_array_equal(gradient, np.broadcast_to(values, shape))
    got, (gradient,) = with_gradients(lambda v: kernels.to_pixels(v, shape), x, values)
    np.testing.assert_array_equal(got, np.broadcast_to(values, shape))
    assert_close(gradient, np.asarray(x, np.float64).sum(axes))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_relu_equals_jax(dtype):
    x, gradient = normal(0, 100).astype(dtype).at[:9].set(0), normal(1, 100).astype(dtype)
    ours, theirs = (with_gradients(each, gradient, x) for each in (kernels.relu, jax.nn.relu))
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)


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
