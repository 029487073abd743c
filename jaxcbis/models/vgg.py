"""VGG networks without BatchNorm as torchvision defines them, in NHWC and as named stages.

The study puts one linear layer in the place of the three fully connected ones. The last stage, of
which maps are made, has a cell per 16 pixels of the image: 14 x 14 at 224 pixels, 7 x 7 at 112.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxcbis.designs import VGGDesign
from jaxcbis.models.kernels import max_pool, relu
from jaxcbis.models.layers import Convolution, PoolHead, linear
from jaxcbis.models.model import Network


class Block(nnx.Module):
    """3x3 convolutions `conv1`, `conv2` and so on, each with its ReLU, then perhaps a max-pool."""

    def __init__(
        self,
        depth: int,
        inputs: int,
        width: int,
        *,
        pool: bool,
        dtype: jnp.dtype,
        shift: tuple[float, ...] | None,
    ):
        self.depth, self.outputs, self.pool, self.shift = depth, width, pool, shift
        for i in range(1, depth + 1):
            conv = Convolution(inputs, width, 3, padding=1, bias=True, dtype=dtype)
            setattr(self, f"conv{i}", conv)
            inputs = width

    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        if self.shift is not None:
            x = x + jnp.asarray(self.shift, x.dtype)
        for i in range(1, self.depth + 1):
            x = relu(getattr(self, f"conv{i}")(x))
        return max_pool(x, 2, 2) if self.pool else x


class FlattenHead(nnx.Module):
    """Max-pool, average pool to `size` x `size`, flatten (rows, columns, channels), one linear
    layer."""

    def __init__(self, features: int, size: int, num_classes: int):
        self.size = size
        self.linear = linear(size * size * features, num_classes)

    def pool(self, x: jax.Array) -> jax.Array:
        """Features [n, height, width, c] to float32 [n, size * size * c]."""
        x = adaptive_average_pool(max_pool(x, 2, 2).astype(jnp.float32), self.size)
        return x.reshape(x.shape[0], -1)

    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Logits of features, or of what `pool` made of them."""
        return self.linear(self.pool(x) if x.ndim == 4 else x)


def vgg(
    design: VGGDesign,
    num_classes: int,
    *,
    dtype: jnp.dtype,
    shift: tuple[float, ...] | None = None,
    head: str = "flatten",
) -> Network:
    """Stages `block1` and so on, and `head`.

    All blocks but the last end with their max-pool, the last with its last ReLU.

    Args:
      design: depths and widths.
      num_classes: outputs of the head.
      dtype: type of the convolutions; parameters stay in float32.
      shift: added to the three channels of the input, for weights that expect other means.
      head: 'flatten' is torchvision's, all cells of a 7 x 7 grid side by side; 'pool' the mean over
        all cells of the last block, without its max-pool, as in Zhou et al., Learning Deep Features
        for Discriminative Localization, CVPR 2016: there Grad-CAM is the class's weighted sum.

    Source: Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image
    Recognition, ICLR 2015.
    """
    network: Network = {}
    inputs = 3
    for i, (depth, width) in enumerate(zip(design.depths, design.widths, strict=True), 1):
        first, last = i == 1, i == len(design.depths)
        network[f"block{i}"] = Block(
            depth, inputs, width, pool=not last, dtype=dtype, shift=shift if first else None
        )
        inputs = width
    if head == "pool":
        return network | {"head": PoolHead(inputs, num_classes)}
    return network | {"head": FlattenHead(inputs, design.pooled, num_classes)}


def adaptive_average_pool(x: jax.Array, size: int) -> jax.Array:
    """Means over `size` x `size` windows that cover NHWC `x`, overlapping as in torch."""
    if x.shape[1:3] == (size, size):
        return x
    rows, columns = (_averages(length, size) for length in x.shape[1:3])
    return jnp.einsum("ph,nhwc,qw->npqc", rows, x, columns)


def _averages(length: int, size: int) -> np.ndarray:
    """Matrix [size, length] whose row i averages floor(i l / s) up to ceil((i + 1) l / s)."""
    matrix = np.zeros((size, length), np.float32)
    for i in range(size):
        start, stop = i * length // size, -(-(i + 1) * length // size)
        matrix[i, start:stop] = 1 / (stop - start)
    return matrix
