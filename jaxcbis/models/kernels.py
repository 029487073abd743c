"""Convolution, max-pooling and sums over pixels, written as XLA's compilers compute them fast.

On a CPU XLA computes 1x1 convolutions several times slower than the same sums as matrix products,
and larger kernels on outputs of a few pixels (a last stage behind a small image) up to a hundred
times slower. A sum over pixels it merges with all that leads up to it, computed anew for each of
them; as a matrix product it stands alone, which halves a ResNet's training step. Elsewhere these
are lax's: which of the two is taken is decided where a program is lowered, so that one exported for
several platforms has each one's own. The gradient of lax's max-pool is slow everywhere, a scatter
on a GPU; element-wise maxima have none. `python -m benchmarks profile` shows where a step's time
goes.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial, reduce

import jax
import jax.numpy as jnp
from jax import lax

#: Output pixels up to which one matrix product beats XLA's convolution, measured at 512 channels:
#: at 4 x 4 a step takes a quarter less, at 7 x 7 a tenth, at 7 x 7 with a dilation of 2 a quarter;
#: at 14 x 14 it takes a tenth more.
FEW_PIXELS = 49


def convolve(
    x: jax.Array, kernel: jax.Array, stride: int = 1, padding: int = 0, dilation: int = 1
) -> jax.Array:
    """Convolves as torch's conv2d does.

    Args:
      x: [n, height, width, inputs].
      kernel: [rows, columns, inputs, outputs].
      stride: of rows and columns.
      padding: zeros on all four sides.
      dilation: distance of the pixels that the kernel sees.

    Returns:
      [n, height', width', outputs].
    """
    return _by_platform(
        partial(_convolve_on_cpu, stride=stride, padding=padding, dilation=dilation),
        partial(_convolve, stride=stride, padding=padding, dilation=dilation),
        x,
        kernel,
    )


def _convolve(x, kernel, stride: int, padding: int, dilation: int) -> jax.Array:
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(stride, stride),
        padding=((padding, padding),) * 2,
        rhs_dilation=(dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def _convolve_on_cpu(x, kernel, stride: int, padding: int, dilation: int) -> jax.Array:
    if kernel.shape[:2] == (1, 1) and not padding:
        x = x[:, ::stride, ::stride]
        # As a matrix, so that the kernel's gradient is one product, too.
        return (x.reshape(-1, x.shape[-1]) @ kernel[0, 0]).reshape(*x.shape[:-1], -1)
    height, width = (
        (length + 2 * padding - dilation * (size - 1) - 1) // stride + 1
        for length, size in zip(x.shape[1:3], kernel.shape[:2], strict=True)
    )
    if height * width <= FEW_PIXELS:
        x = jnp.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
        return _as_matrix_product(x, kernel, (height, width), stride, dilation)
    return _convolve(x, kernel, stride, padding, dilation)


def _as_matrix_product(x, kernel, output: tuple[int, int], stride: int, dilation: int) -> jax.Array:
    """Gathers what the kernel sees at every output pixel of padded `x` and multiplies once."""
    last_row, last_column = ((length - 1) * stride + 1 for length in output)
    rows, columns = (range(0, size * dilation, dilation) for size in kernel.shape[:2])
    seen = [
        x[:, i : i + last_row : stride, j : j + last_column : stride] for i in rows for j in columns
    ]
    return jnp.concatenate(seen, axis=-1) @ kernel.reshape(-1, kernel.shape[-1])


def max_pool(x: jax.Array, size: int, stride: int, padding: int = 0) -> jax.Array:
    """Maxima over `size` x `size` windows of NHWC `x`, padded on all sides with -inf.

    Where several values of a window are its maximum, the gradient differs from lax's: that gives
    all of it to the first, this divides it among them. Behind a ReLU such values are zeros, whose
    gradient the ReLU drops.
    """
    edge = (padding, padding, 0)
    x = lax.pad(x, jnp.asarray(-jnp.inf, x.dtype), ((0, 0, 0), edge, edge, (0, 0, 0)))
    for axis in (1, 2):
        stop = x.shape[axis] - size + 1
        starts = range(size)
        x = reduce(jnp.maximum, (lax.slice_in_dim(x, i, stop + i, stride, axis) for i in starts))
    return x


@jax.custom_jvp
def relu(x: jax.Array) -> jax.Array:
    """max(x, 0). Its gradient is told by what comes out, so that what went in need not be kept.

    On a GPU it then is part of the convolution in front of it.
    """
    return jnp.maximum(x, 0)


@relu.defjvp
def _relu_jvp(primals, tangents):
    y, (tangent,) = relu(*primals), tangents
    return y, jnp.where(y != 0, tangent, 0)  # not y > 0, which XLA would make x > 0 of


def sum_over_pixels(x: jax.Array) -> jax.Array:
    """Sums [..., c] over all axes but the last."""

    def as_product(x: jax.Array) -> jax.Array:
        x = x.reshape(-1, x.shape[-1])
        return jnp.ones(len(x), x.dtype) @ x

    return _by_platform(as_product, lambda x: x.sum(tuple(range(x.ndim - 1))), x)


def to_pixels(values: jax.Array, shape: Sequence[int]) -> jax.Array:
    """Repeats values [c] to `shape` [..., c]; its gradient is `sum_over_pixels`."""

    def as_product(values: jax.Array) -> jax.Array:
        ones = jnp.ones(math.prod(shape[:-1]), values.dtype)
        return jnp.tensordot(ones, values, axes=0).reshape(shape)

    return _by_platform(as_product, lambda values: jnp.broadcast_to(values, shape), values)


def _by_platform(on_cpu: Callable, elsewhere: Callable, *arrays: jax.Array) -> jax.Array:
    """What one of two functions makes of the arrays, by what the program is lowered for."""
    return lax.platform_dependent(*arrays, cpu=on_cpu, default=elsewhere)
