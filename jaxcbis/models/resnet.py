"""Residual networks as torchvision defines them, in NHWC and as named stages.

Every block takes `dilations`: of its convolution that has the stride, and of those behind it.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx

from jaxcbis.designs import ResNetDesign
from jaxcbis.models.kernels import max_pool, relu
from jaxcbis.models.layers import BatchNorm, Blocks, Convolution, PoolHead, convolve_and_normalize
from jaxcbis.models.model import Network


class BasicBlock(nnx.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(
        self,
        inputs: int,
        width: int,
        stride: int,
        dilations: tuple[int, int],
        *,
        dtype: jnp.dtype,
    ):
        first, second = dilations
        conv = partial(Convolution, dtype=dtype)
        self.outputs = width
        self.conv1 = conv(inputs, width, 3, stride=stride, padding=first, dilation=first)
        self.bn1 = BatchNorm(width)
        self.conv2 = conv(width, width, 3, padding=second, dilation=second)
        self.bn2 = BatchNorm(width)
        self.shortcut = Shortcut(inputs, width, stride, dtype=dtype)

    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        y = relu(convolve_and_normalize(self.conv1, self.bn1, x, train))
        y = convolve_and_normalize(self.conv2, self.bn2, y, train)
        return relu(y + self.shortcut(x, train))


class Bottleneck(nnx.Module):
    """1x1, 3x3 and 1x1 convolutions and a shortcut.

    The stride is on the 3x3 (v1.5, torchvision) or, with `v1`, on the first 1x1 (Keras).
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        stride: int,
        dilations: tuple[int, int],
        *,
        dtype: jnp.dtype,
        v1: bool,
    ):
        conv = partial(Convolution, dtype=dtype)
        first, second = (stride, 1) if v1 else (1, stride)
        dilation = dilations[1 if v1 else 0]
        self.outputs = outputs = 4 * width
        self.conv1 = conv(inputs, width, 1, stride=first)
        self.bn1 = BatchNorm(width)
        self.conv2 = conv(width, width, 3, stride=second, padding=dilation, dilation=dilation)
        self.bn2 = BatchNorm(width)
        self.conv3 = conv(width, outputs, 1)
        self.bn3 = BatchNorm(outputs)
        self.shortcut = Shortcut(inputs, outputs, stride, dtype=dtype)

    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        y = relu(convolve_and_normalize(self.conv1, self.bn1, x, train))
        y = relu(convolve_and_normalize(self.conv2, self.bn2, y, train))
        y = convolve_and_normalize(self.conv3, self.bn3, y, train)
        return relu(y + self.shortcut(x, train))


class Shortcut(nnx.Module):
    """The identity, or a projection where a block changes width or resolution."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, dtype: jnp.dtype):
        self.projects = stride != 1 or inputs != outputs
        if self.projects:
            self.conv = Convolution(inputs, outputs, 1, stride=stride, dtype=dtype)
            self.bn = BatchNorm(outputs)

    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        return convolve_and_normalize(self.conv, self.bn, x, train) if self.projects else x


class Stem(nnx.Module):
    """From the image to `outputs` channels at a quarter of its resolution."""

    def __init__(self, outputs: int, *, dtype: jnp.dtype, shift: tuple[float, ...] | None):
        self.shift = shift
        self.conv = Convolution(3, outputs, 7, stride=2, padding=3, dtype=dtype)
        self.bn = BatchNorm(outputs)

    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        if self.shift is not None:
            x = x + jnp.asarray(self.shift, x.dtype)
        y = relu(convolve_and_normalize(self.conv, self.bn, x, train))
        return max_pool(y, 3, 2, padding=1)


class Stage(Blocks):
    """Residual blocks `block0`, `block1` and so on; the first may halve the resolution.

    With `dilate` it does not, and all that lies behind where its stride would be is dilated by as
    much: every `stride`-th row and column of its output is what it would be with the stride.
    """

    def __init__(  # a stage is all of these
        self, block: Callable, depth: int, inputs: int, width: int, stride: int, *, dilate: bool
    ):
        self.depth = depth
        stride, dilation = (1, stride) if dilate else (stride, 1)
        before = 1
        for i in range(depth):
            setattr(self, f"block{i}", block(inputs, width, stride, (before, dilation)))
            inputs, stride, before = getattr(self, f"block{i}").outputs, 1, dilation
        self.outputs = inputs


def resnet(
    design: ResNetDesign,
    num_classes: int,
    *,
    dtype: jnp.dtype,
    shift: tuple[float, ...] | None = None,
    v1: bool = False,
    output_stride: int = 32,
) -> Network:
    """Stages `stem`, `layer1` and so on, and `head`.

    Args:
      design: depths and widths.
      num_classes: outputs of the head.
      dtype: type of the convolutions; parameters stay in float32.
      shift: added to the three channels of the input, for weights that expect other means.
      v1: of a `Bottleneck`.
      output_stride: pixels of the image per cell of the last of four stages; 16 dilates it.

    Source: He et al., Deep Residual Learning for Image Recognition, CVPR 2016; the dilation is that
    of Yu et al., Dilated Residual Networks, CVPR 2017, for one stage.
    """
    kind: Callable = BasicBlock if design.convolutions == 2 else partial(Bottleneck, v1=v1)
    block = partial(kind, dtype=dtype)
    network: Network = {"stem": Stem(design.stem, dtype=dtype, shift=shift)}
    inputs = design.stem
    for i, (depth, width) in enumerate(zip(design.depths, design.widths, strict=True), 1):
        dilate = output_stride == 16 and i == len(design.depths)
        stage = Stage(block, depth, inputs, width, stride=1 if i == 1 else 2, dilate=dilate)
        network[f"layer{i}"] = stage
        inputs = stage.outputs
    return network | {"head": PoolHead(inputs, num_classes)}
