"""The layers that both families are built from, with torch's padding and statistics.

Parameters start as zeros: `backbones.load` builds a model abstractly and fills it.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from jaxcbis.models import conv

EPSILON = 1e-5
MOMENTUM = 0.1


def convolution(
    inputs: int,
    outputs: int,
    size: int,
    *,
    stride: int = 1,
    padding: int = 0,
    bias: bool = False,
    dtype: jnp.dtype,
) -> nnx.Conv:
    """A square NHWC convolution with explicit padding on all four sides."""
    return nnx.Conv(
        inputs,
        outputs,
        (size, size),
        stride,
        padding=((padding, padding), (padding, padding)),
        use_bias=bias,
        dtype=dtype,
        kernel_init=nnx.initializers.zeros,
        conv_general_dilated=conv.conv_general_dilated,
        rngs=nnx.Rngs(0),
    )


def linear(inputs: int, outputs: int) -> nnx.Linear:
    """A classifier; it computes in float32 whatever its features' type."""
    zeros = nnx.initializers.zeros
    return nnx.Linear(inputs, outputs, dtype=jnp.float32, kernel_init=zeros, rngs=nnx.Rngs(0))


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
            axes = tuple(range(x.ndim - 1))
            count = x.size // x.shape[-1]
            running_mean, running_var = mean, var
            mean = y.mean(axes)
            var = jnp.maximum(jnp.square(y).mean(axes) - jnp.square(mean), 0)
            unbiased = lax.stop_gradient(var) * (count / max(count - 1, 1))
            self._update(self.mean, running_mean, lax.stop_gradient(mean))
            self._update(self.var, running_var, unbiased)
        factor = self.scale[...] * lax.rsqrt(var + EPSILON)
        return ((y - mean) * factor + self.bias[...]).astype(x.dtype)

    @staticmethod
    def _update(statistic: nnx.BatchStat, running: jax.Array, batch: jax.Array) -> None:
        statistic.set_value((1 - MOMENTUM) * running + MOMENTUM * batch)
