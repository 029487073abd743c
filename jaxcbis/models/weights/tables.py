"""Which arrays of a weights file become which parameter: one table per format and family.

A row is (parameter here, names in the file, conversion of those arrays). Keras names are read as
'layer/kind' with Keras' own words for kind: kernel, bias, gamma, beta, moving_mean and
moving_variance. The classifier has no row: it is always replaced.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

import numpy as np

from jaxcbis.designs import BACKBONES, ResNetDesign, VGGDesign
from jaxcbis.errors import UserError

IMAGENET_MEAN = np.array([0.485, 0.456, 0.406])
IMAGENET_STD = np.array([0.229, 0.224, 0.225])
KERAS_MEAN = np.array([123.68, 116.779, 103.939])

#: Keras subtracts slightly other means. Shifting the input, not a bias, is exact at the zero
#: padding too.
KERAS_SHIFT = tuple(((IMAGENET_MEAN - KERAS_MEAN / 255) / IMAGENET_STD).tolist())


class Row(NamedTuple):
    """A parameter's path, the names of the arrays that it is made of, and how."""

    target: str
    sources: tuple[str, ...]
    convert: Callable[..., np.ndarray]


def same(array):
    """The array as it is."""
    return array


def hwio(kernel):
    """torch's (outputs, inputs, rows, columns) to (rows, columns, inputs, outputs)."""
    return kernel.transpose(2, 3, 1, 0)


def from_bgr(kernel):
    """A first convolution of BGR in 0..255 to one of ImageNet-normalised RGB."""
    return kernel[:, :, ::-1] * (255 * IMAGENET_STD)[:, None]


def less_bias(mean, bias):
    """A BatchNorm mean that takes in the bias of the convolution before it."""
    return mean - bias


def torchvision_resnet(design: ResNetDesign) -> Iterator[Row]:
    """torchvision calls a projecting shortcut `downsample`."""
    yield from _torchvision_pair("stem/conv", "conv1", "stem/bn", "bn1")
    for target, layer, block in _blocks(design):
        source = f"layer{layer}.{block}"
        for i in range(1, design.convolutions + 1):
            yield from _torchvision_pair(
                f"{target}/conv{i}", f"{source}.conv{i}", f"{target}/bn{i}", f"{source}.bn{i}"
            )
        if _projects(design, layer, block):
            yield from _torchvision_pair(
                f"{target}/shortcut/conv",
                f"{source}.downsample.0",
                f"{target}/shortcut/bn",
                f"{source}.downsample.1",
            )


def torchvision_vgg(design: VGGDesign) -> Iterator[Row]:
    """torchvision numbers convolutions, ReLUs and max-pools of `features` in one sequence."""
    index = 0
    for block, depth in enumerate(design.depths, 1):
        for i in range(1, depth + 1):
            yield Row(f"block{block}/conv{i}/kernel", (f"features.{index}.weight",), hwio)
            yield Row(f"block{block}/conv{i}/bias", (f"features.{index}.bias",), same)
            index += 2
        index += 1


def keras_resnet50(design: ResNetDesign) -> Iterator[Row]:
    """Names since Keras 2.2.5: conv2_block1_1_conv, conv2_block1_1_bn."""
    yield from _keras_pair("stem/conv", "conv1_conv", "stem/bn", "conv1_bn", from_bgr)
    for target, layer, block in _blocks(design):
        source = f"conv{layer + 1}_block{block + 1}"
        for conv, bn, number in _bottleneck(design, target, layer, block):
            yield from _keras_pair(conv, f"{source}_{number}_conv", bn, f"{source}_{number}_bn")


def keras_resnet50_legacy(design: ResNetDesign) -> Iterator[Row]:
    """Names of the first Keras file: res2a_branch2a, bn2a_branch2a."""
    yield from _keras_pair("stem/conv", "conv1", "stem/bn", "bn_conv1", from_bgr)
    for target, layer, block in _blocks(design):
        branches = dict(enumerate(("1", "2a", "2b", "2c")))
        for conv, bn, number in _bottleneck(design, target, layer, block):
            source = f"{layer + 1}{'abcdef'[block]}_branch{branches[number]}"
            yield from _keras_pair(conv, f"res{source}", bn, f"bn{source}")


def keras_vgg(design: VGGDesign) -> Iterator[Row]:
    """Keras numbers convolutions as we do."""
    for block, depth in enumerate(design.depths, 1):
        for i in range(1, depth + 1):
            convert = from_bgr if (block, i) == (1, 1) else same
            yield Row(f"block{block}/conv{i}/kernel", (f"block{block}_conv{i}/kernel",), convert)
            yield Row(f"block{block}/conv{i}/bias", (f"block{block}_conv{i}/bias",), same)


def table(name: str, form: str, arrays: Collection[str]) -> tuple[list[Row], dict[str, Any]]:
    """The table of a file, and the options of the model that its weights are made for.

    Args:
      name: a backbone.
      form: 'torchvision-...' or 'keras-h5'.
      arrays: names in the file.

    Raises:
      UserError: the format has no such backbone.
    """
    design = BACKBONES[name]
    if form.startswith("torchvision"):
        if isinstance(design, VGGDesign):
            return list(torchvision_vgg(design)), {}
        return list(torchvision_resnet(design)), {}
    if isinstance(design, VGGDesign):
        return list(keras_vgg(design)), {"shift": KERAS_SHIFT}
    if design.convolutions != 3:
        raise UserError(
            f"weights for {name}: Keras applications have vgg16, vgg19 and resnet50 only; "
            "give a .safetensors or .pth file"
        )
    rows = keras_resnet50_legacy if "bn_conv1/gamma" in arrays else keras_resnet50
    return list(rows(design)), {"shift": KERAS_SHIFT, "v1": True}


def _blocks(design: ResNetDesign) -> Iterator[tuple[str, int, int]]:
    for layer, depth in enumerate(design.depths, 1):
        for block in range(depth):
            yield f"layer{layer}/block{block}", layer, block


def _projects(design: ResNetDesign, layer: int, block: int) -> bool:
    """Whether a block's shortcut is a projection."""
    outputs = design.widths[0] * (4 if design.convolutions == 3 else 1)
    return block == 0 and (layer > 1 or outputs != design.stem)


def _bottleneck(
    design: ResNetDesign, target: str, layer: int, block: int
) -> Iterator[tuple[str, str, int]]:
    """Convolution, norm and Keras' number of each; the shortcut has number 0."""
    if _projects(design, layer, block):
        yield f"{target}/shortcut/conv", f"{target}/shortcut/bn", 0
    for i in (1, 2, 3):
        yield f"{target}/conv{i}", f"{target}/bn{i}", i


def _torchvision_pair(conv: str, conv_source: str, bn: str, bn_source: str) -> Iterator[Row]:
    yield Row(f"{conv}/kernel", (f"{conv_source}.weight",), hwio)
    yield Row(f"{bn}/scale", (f"{bn_source}.weight",), same)
    yield Row(f"{bn}/bias", (f"{bn_source}.bias",), same)
    yield Row(f"{bn}/mean", (f"{bn_source}.running_mean",), same)
    yield Row(f"{bn}/var", (f"{bn_source}.running_var",), same)


def _keras_pair(
    conv: str, conv_source: str, bn: str, bn_source: str, convert: Callable = same
) -> Iterator[Row]:
    yield Row(f"{conv}/kernel", (f"{conv_source}/kernel",), convert)
    yield Row(f"{bn}/scale", (f"{bn_source}/gamma",), same)
    yield Row(f"{bn}/bias", (f"{bn_source}/beta",), same)
    yield Row(f"{bn}/mean", (f"{bn_source}/moving_mean", f"{conv_source}/bias"), less_bias)
    yield Row(f"{bn}/var", (f"{bn_source}/moving_variance",), same)
