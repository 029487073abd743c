"""The layers that both families are built from, with torch's padding and statistics.

Parameters start as zeros: `backbones.load` builds a model abstractly and fills it.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from jaxcbis.models import kernels

EPSILON = 1e-5
MOMENTUM = 0.1


class Convolution(nnx.Module):
    """A square NHWC convolution with explicit padding on all four sides.

    Parameters `kernel` [size, size, inputs, outputs] and, if asked for, `bias` [outputs].
    """

    def __init__(  # takes all that a convolution is, by name
        self,
        inputs: int,
        outputs: int,
        size: int,
        *,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        bias: bool = False,
        dtype: jnp.dtype,
    ):
        self.stride, self.padding, self.dilation, self.dtype = stride, padding, dilation, dtype
        self.kernel = nnx.Param(jnp.zeros((size, size, inputs, outputs)))
        self.bias = nnx.Param(jnp.zeros(outputs)) if bias else None

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.apply(x, self.kernel[...], None if self.bias is None else self.bias[...])

    def apply(self, x: jax.Array, kernel: jax.Array, bias: jax.Array | None) -> jax.Array:
        """Convolves with another kernel and bias."""
        kernel = kernel.astype(self.dtype)
        x = x.astype(self.dtype)
        y = kernels.convolve(x, kernel, self.stride, self.padding, self.dilation)
        return y if bias is None else y + kernels.to_pixels(bias.astype(self.dtype), y.shape)


def linear(inputs: int, outputs: int) -> nnx.Linear:
    """A classifier; it computes in float32 whatever its features' type."""
    zeros = nnx.initializers.zeros
    return nnx.Linear(inputs, outputs, dtype=jnp.float32, kernel_init=zeros, rngs=nnx.Rngs(0))


class Blocks(nnx.Module):
    """A stage of `depth` modules `block0`, `block1` and so on, one after the other.

    Who derives from it makes them.
    """

    depth: int

    @property
    def blocks(self) -> list[Callable]:
        """In order."""
        return [getattr(self, f"block{i}") for i in range(self.depth)]

    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        for block in self.blocks:
            x = block(x, train)
        return x


class PoolHead(nnx.Module):
    """Global average pool and one linear layer, both in float32."""

    def __init__(self, features: int, num_classes: int):
        self.linear = linear(features, num_classes)

    def pool(self, x: jax.Array) -> jax.Array:
        """Features [n, height, width, c] to float32 [n, c]."""
        return x.mean((1, 2), dtype=jnp.float32)

    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Logits of features, or of what `pool` made of them."""
        return self.linear(self.pool(x) if x.ndim == 4 else x)


class BatchNorm(nnx.Module):
    """Batch normalisation over all but the last axis, computed in float32.

    As torch has it and `flax.nnx.BatchNorm` has not: the running variance takes the unbiased
    variance of the batch, while the batch itself is normalised with the biased one.
    """

    def __init__(self, features: int):
        self.scale = nnx.Param(jnp.zeros(features))
        self.bias = nnx.Param(jnp.zeros(features))
        self.mean = nnx.BatchStat(jnp.zeros(features))
        self.var = nnx.BatchStat(jnp.zeros(features))

    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Normalises with batch statistics if `train` (and updates the running ones)."""
        y = x.astype(jnp.float32)
        mean, var = self.mean[...], self.var[...]
        if train:
            count = x.size // x.shape[-1]
            running_mean, running_var = mean, var
            mean = kernels.sum_over_pixels(y) / count
            var = jnp.maximum(kernels.sum_over_pixels(jnp.square(y)) / count - jnp.square(mean), 0)
            unbiased = lax.stop_gradient(var) * (count / max(count - 1, 1))
            self._update(self.mean, running_mean, lax.stop_gradient(mean))
            self._update(self.var, running_var, unbiased)
        factor = self.scale[...] * lax.rsqrt(var + EPSILON)
        mean, factor, bias = (kernels.to_pixels(v, y.shape) for v in (mean, factor, self.bias[...]))
        return ((y - mean) * factor + bias).astype(x.dtype)

    def as_scale_and_shift(self) -> tuple[jax.Array, jax.Array]:
        """Factor and summand [features] that normalise with the running statistics."""
        factor = self.scale[...] * lax.rsqrt(self.var[...] + EPSILON)
        return factor, self.bias[...] - self.mean[...] * factor

    @staticmethod
    def _update(statistic: nnx.BatchStat, running: jax.Array, batch: jax.Array) -> None:
        statistic.set_value((1 - MOMENTUM) * running + MOMENTUM * batch)


def convolve_and_normalize(
    conv: Convolution, norm: BatchNorm, x: jax.Array, train: bool
) -> jax.Array:
    """`norm(conv(x), train)`, for a convolution without a bias.

    Stored statistics are folded into the kernel and a bias. That spares passes over the pixels:
    the normalisation itself and, in the gradient, the sums for scale and mean, which then come from
    the kernel's gradient.
    """
    if train:
        return norm(conv(x), train)
    factor, shift = norm.as_scale_and_shift()
    return conv.apply(x, conv.kernel[...] * factor, shift)
