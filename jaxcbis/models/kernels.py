"""Convolution, max-pooling and sums over pixels, written as XLA's CPU compiler computes them fast.

On a CPU XLA computes 1x1 convolutions and the gradient of a max-pool several times slower than the
same sums as matrix products and element-wise maxima, and larger kernels on outputs of a few pixels
(a last stage behind a small image) up to a hundred times slower. A sum over pixels it merges with
all that leads up to it, computed anew for each of them; as a matrix product it stands alone, which
halves a ResNet's training step. Elsewhere all are lax's. `python -m benchmarks profile` shows where
a step's time goes.
"""

import math
from collections.abc import Sequence
from functools import reduce

import jax
import jax.numpy as jnp
from jax import lax

#: Output pixels up to which one matrix product beats XLA's convolution, measured at 512 channels.
FEW_PIXELS = 25


def convolve(x: jax.Array, kernel: jax.Array, stride: int = 1, padding: int = 0) -> jax.Array:
    """Convolves as torch's conv2d does.

    Args:
      x: [n, height, width, inputs].
      kernel: [rows, columns, inputs, outputs].
      stride: of rows and columns.
      padding: zeros on all four sides.

    Returns:
      [n, height', width', outputs].
    """
    if _on_cpu():
        if kernel.shape[:2] == (1, 1) and not padding:
            x = x[:, ::stride, ::stride]
            # As a matrix, so that the kernel's gradient is one product, too.
            return (x.reshape(-1, x.shape[-1]) @ kernel[0, 0]).reshape(*x.shape[:-1], -1)
        height, width = (
            (length + 2 * padding - size) // stride + 1
            for length, size in zip(x.shape[1:3], kernel.shape[:2], strict=True)
        )
        if height * width <= FEW_PIXELS:
            return _as_matrix_product(x, kernel, stride, padding, height, width)
    pads = ((padding, padding),) * 2
    return lax.conv_general_dilated(
        x, kernel, (stride, stride), pads, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def _as_matrix_product(x, kernel, stride: int, padding: int, height: int, width: int) -> jax.Array:
    """Gathers what the kernel sees at every output pixel and multiplies once."""
    x = jnp.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    last_row, last_column = ((length - 1) * stride + 1 for length in (height, width))
    seen = [
        x[:, i : i + last_row : stride, j : j + last_column : stride]
        for i in range(kernel.shape[0])
        for j in range(kernel.shape[1])
    ]
    return jnp.concatenate(seen, axis=-1) @ kernel.reshape(-1, kernel.shape[-1])


def max_pool(x: jax.Array, size: int, stride: int, padding: int = 0) -> jax.Array:
    """Maxima over `size` x `size` windows of NHWC `x`, padded on all sides with -inf.

    Where several values of a window are its maximum, the gradient differs: lax gives all of it to
    the first, on a CPU it is divided among them. Behind a ReLU such values are zeros, whose
    gradient the ReLU drops.
    """
    if not _on_cpu():
        window, strides = (1, size, size, 1), (1, stride, stride, 1)
        pads = ((0, 0), (padding, padding), (padding, padding), (0, 0))
        return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, pads)
    edge = (padding, padding, 0)
    x = lax.pad(x, jnp.asarray(-jnp.inf, x.dtype), ((0, 0, 0), edge, edge, (0, 0, 0)))
    for axis in (1, 2):
        stop = x.shape[axis] - size + 1
        starts = range(size)
        x = reduce(jnp.maximum, (lax.slice_in_dim(x, i, stop + i, stride, axis) for i in starts))
    return x


def sum_over_pixels(x: jax.Array) -> jax.Array:
    """Sums [..., c] over all axes but the last."""
    if not _on_cpu():
        return x.sum(tuple(range(x.ndim - 1)))
    x = x.reshape(-1, x.shape[-1])
    return jnp.ones(len(x), x.dtype) @ x


def to_pixels(values: jax.Array, shape: Sequence[int]) -> jax.Array:
    """Repeats values [c] to `shape` [..., c]; its gradient is `sum_over_pixels`."""
    if not _on_cpu():
        return jnp.broadcast_to(values, shape)
    ones = jnp.ones(math.prod(shape[:-1]), values.dtype)
    return jnp.tensordot(ones, values, axes=0).reshape(shape)


def _on_cpu() -> bool:
    return jax.default_backend() == "cpu"
