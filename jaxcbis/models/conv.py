"""Convolution and max-pooling, with kernels of our own where XLA's are slow.

On a CPU XLA computes the gradient of a convolution's kernel, and that of a max-pool, several times
slower than the same sums as matrix products and element-wise maxima. Elsewhere both are lax's.
"""

from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

LAYOUT = ("NHWC", "HWIO", "NHWC")
Padding = tuple[tuple[int, int], ...]


def conv_general_dilated(
    x: jax.Array, kernel: jax.Array, strides: tuple[int, ...], padding: Padding, **options: Any
) -> jax.Array:
    """`lax.conv_general_dilated` for NHWC and HWIO, to be given to `nnx.Conv`.

    On a CPU it has no forward-mode derivative, and takes neither dilation nor groups.
    """
    if not _on_cpu():
        return lax.conv_general_dilated(x, kernel, strides, padding, **options)
    if kernel.shape[:2] == (1, 1) and not any(map(any, padding)):
        x = x[:, :: strides[0], :: strides[1]]
        return jnp.einsum("nhwi,io->nhwo", x, kernel[0, 0])
    return _convolve(x, kernel, tuple(strides), tuple(padding))


def max_pool(x: jax.Array, size: int, stride: int, padding: int = 0) -> jax.Array:
    """Maxima over `size` x `size` windows of NHWC `x`, padded on all sides with -inf.

    Where several values of a window are its maximum, their gradients differ: lax gives all of it
    to the first, on a CPU it is divided among them. Behind a ReLU such values are zeros, whose
    gradient the ReLU drops.
    """
    if not _on_cpu():
        window, strides = (1, size, size, 1), (1, stride, stride, 1)
        pads = ((0, 0), (padding, padding), (padding, padding), (0, 0))
        return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, pads)
    edge = (padding, padding, 0)
    x = lax.pad(x, jnp.asarray(-jnp.inf, x.dtype), ((0, 0, 0), edge, edge, (0, 0, 0)))
    for axis in (1, 2):
        last = x.shape[axis] - size
        x = reduce(
            jnp.maximum,
            (lax.slice_in_dim(x, i, last + i + 1, stride, axis) for i in range(size)),
        )
    return x


def _on_cpu() -> bool:
    return jax.default_backend() == "cpu"


def _plain(x: jax.Array, kernel: jax.Array, strides, padding: Padding) -> jax.Array:
    return lax.conv_general_dilated(x, kernel, strides, padding, dimension_numbers=LAYOUT)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _convolve(x: jax.Array, kernel: jax.Array, strides, padding: Padding) -> jax.Array:
    return _plain(x, kernel, strides, padding)


def _forward(x, kernel, strides, padding):
    return _plain(x, kernel, strides, padding), (x, kernel)


def _backward(strides, padding, kept, gradient):
    x, kernel = kept
    _, transpose = jax.vjp(lambda x: _plain(x, kernel, strides, padding), x)
    return *transpose(gradient), _kernel_gradient(x, gradient, kernel, strides, padding)


_convolve.defvjp(_forward, _backward)


def _kernel_gradient(x, gradient, kernel, strides, padding: Padding) -> jax.Array:
    """One matrix product for each of the kernel's positions."""
    rows, columns = kernel.shape[:2]
    x = jnp.pad(x, ((0, 0), *padding, (0, 0)))
    height, width = gradient.shape[1:3]

    def product(i: int, j: int) -> jax.Array:
        stop = (len(x), i + (height - 1) * strides[0] + 1, j + (width - 1) * strides[1] + 1, x.shape[3])
        seen = lax.slice(x, (0, i, j, 0), stop, (1, *strides, 1))
        return jnp.einsum("nhwi,nhwo->io", seen, gradient)

    return jnp.stack([jnp.stack([product(i, j) for j in range(columns)]) for i in range(rows)])
