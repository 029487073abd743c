"""Convolution and max-pooling, with kernels of our own where XLA's are slow.

On a CPU XLA computes 1x1 convolutions and the gradient of a max-pool several times slower than the
same sums as matrix products and element-wise maxima, and larger kernels on outputs of a few pixels
(a last stage behind a small image) up to a hundred times slower. Elsewhere all are lax's.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

#: Output pixels up to which one matrix product beats XLA's convolution, measured at 512 channels.
FEW_PIXELS = 25


def conv_general_dilated(
    x: jax.Array,
    kernel: jax.Array,
    strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    **options: Any,
) -> jax.Array:
    """`lax.conv_general_dilated` for NHWC and HWIO without dilation or groups.

    Args:
      x: [n, height, width, inputs].
      kernel: [rows, columns, inputs, outputs].
      strides: of rows and columns.
      padding: zeros before and after rows, and before and after columns.
      options: what `nnx.Conv` passes on to lax besides.
    """
    if not _on_cpu():
        return lax.conv_general_dilated(x, kernel, strides, padding, **options)
    if kernel.shape[:2] == (1, 1) and not any(map(any, padding)):
        rows, columns = strides
        return jnp.einsum("nhwi,io->nhwo", x[:, ::rows, ::columns], kernel[0, 0])
    height, width = (
        (length + sum(pads) - size) // stride + 1
        for length, pads, size, stride in zip(
            x.shape[1:3], padding, kernel.shape, strides, strict=False
        )
    )
    if height * width <= FEW_PIXELS:
        return _as_matrix_product(x, kernel, strides, padding, height, width)
    return lax.conv_general_dilated(x, kernel, strides, padding, **options)


def _as_matrix_product(x, kernel, strides, padding, height: int, width: int) -> jax.Array:
    """Gathers what the kernel sees at every output pixel and multiplies once."""
    x = jnp.pad(x, ((0, 0), *padding, (0, 0)))
    rows, columns = strides
    seen = [
        x[:, i : i + (height - 1) * rows + 1 : rows, j : j + (width - 1) * columns + 1 : columns]
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


def _on_cpu() -> bool:
    return jax.default_backend() == "cpu"
