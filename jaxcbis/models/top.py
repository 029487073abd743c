"""What a whole-image classifier adds to a patch network: its input in front, and its top behind."""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx

from jaxcbis.models.layers import Blocks, Convolution
from jaxcbis.models.resnet import Bottleneck
from jaxcbis.models.vgg import Block

Kind = Literal["residual", "vgg"]
#: Channels inside a block of the top; fewer where few enter it, as of a heatmap's five.
WIDTH = 512
LEAST_WIDTH = 32


class Input(nnx.Module):
    """Grey levels as the patch network was trained on: over the highest one, less mean, over
    deviation.

    Both are statistics, not parameters: they travel with the model, nothing trains them, and
    members of one architecture share a compiled program.
    """

    def __init__(self) -> None:
        self.mean = nnx.BatchStat(jnp.zeros(()))
        self.deviation = nnx.BatchStat(jnp.zeros(()))

    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Float32 of uint8 or uint16, both [n, height, width, channels]."""
        if not jnp.issubdtype(x.dtype, jnp.unsignedinteger):
            raise ValueError(f"images of type {x.dtype}: expected uint8 or uint16")
        scaled = x.astype(jnp.float32) / jnp.iinfo(x.dtype).max
        return (scaled - self.mean[...]) / self.deviation[...]


class Heatmap(nnx.Module):
    """The head of a patch network at every cell: a 1x1 convolution, then the softmax over classes.

    It computes in float32, as the head does.
    """

    def __init__(self, features: int, num_classes: int):
        self.conv = Convolution(features, num_classes, 1, bias=True, dtype=jnp.dtype(jnp.float32))

    def logits(self, x: jax.Array) -> jax.Array:
        """Of features [n, h, w, c], those of the classes [n, h, w, classes] before the softmax.

        Their mean over the cells of a patch is what the patch network says of it.
        """
        return self.conv(x)

    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        return jax.nn.softmax(self.logits(x), axis=-1)


class Top(Blocks):
    """Blocks `block0` and perhaps `block1`, each of which halves the resolution.

    'residual' are bottlenecks with a stride of 2, 'vgg' one 3x3 convolution with its ReLU and a
    max-pool.
    """

    def __init__(self, kind: Kind, depth: int, inputs: int, *, dtype: jnp.dtype):
        self.depth = depth
        width = min(WIDTH, max(LEAST_WIDTH, inputs))
        for i in range(depth):
            setattr(self, f"block{i}", _BLOCKS[kind](inputs, width, dtype))
            inputs = 4 * width if kind == "residual" else width
        self.outputs = inputs


def _residual(inputs: int, width: int, dtype: jnp.dtype) -> Bottleneck:
    return Bottleneck(inputs, width, 2, (1, 1), dtype=dtype, v1=False)


def _vgg(inputs: int, width: int, dtype: jnp.dtype) -> Block:
    return Block(1, inputs, width, pool=True, dtype=dtype, shift=None)


_BLOCKS: dict[str, Callable] = {"residual": _residual, "vgg": _vgg}
