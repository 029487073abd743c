"""Which arrays of a weights file become which parameter: a table per format, family and naming.

A row is (parameter here, names in the file, conversion of those arrays). Keras names are read as
'layer/kind' with Keras' own words for kind: kernel, bias, gamma, beta, moving_mean and
moving_variance. The classifier has no row: it is always replaced.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from jaxcbis.designs import BACKBONES, Design, ResNetDesign, VGGDesign

IMAGENET_MEAN = np.array([0.485, 0.456, 0.406])
IMAGENET_STD = np.array([0.229, 0.224, 0.225])
KERAS_MEAN = np.array([123.68, 116.779, 103.939])

#: Keras subtracts slightly other means. Shifting the input, not a bias, is exact at the zero
#: padding too.
KERAS_SHIFT = tuple(((IMAGENET_MEAN - KERAS_MEAN / 255) / IMAGENET_STD).tolist())

#: Models that are no backbones here, so that their files are known for what they are.
KIN: dict[str, Design] = {
    "vgg11": VGGDesign((1, 1, 2, 2, 2)),
    "vgg13": VGGDesign((2, 2, 2, 2, 2)),
    "resnet18": ResNetDesign((2, 2, 2, 2), convolutions=2),
    "resnet101": ResNetDesign((3, 4, 23, 3), convolutions=3),
    "resnet152": ResNetDesign((3, 8, 36, 3), convolutions=3),
}


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


def torchvision_vgg(design: VGGDesign, prefix: str = "features.") -> Iterator[Row]:
    """torchvision numbers convolutions, ReLUs and max-pools of `features` in one sequence."""
    index = 0
    for block, depth in enumerate(design.depths, 1):
        for i in range(1, depth + 1):
            yield Row(f"block{block}/conv{i}/kernel", (f"{prefix}{index}.weight",), hwio)
            yield Row(f"block{block}/conv{i}/bias", (f"{prefix}{index}.bias",), same)
            index += 2
        index += 1


def torchvision_vgg_bn(design: VGGDesign) -> Iterator[Row]:
    """The same with a BatchNorm behind every convolution, which is no backbone here."""
    index = 0
    for block, depth in enumerate(design.depths, 1):
        for i in range(1, depth + 1):
            conv, bn = f"block{block}/conv{i}", f"block{block}/bn{i}"
            yield Row(f"{conv}/bias", (f"features.{index}.bias",), same)
            yield from _torchvision_pair(conv, f"features.{index}", bn, f"features.{index + 1}")
            index += 3
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
            source = f"{layer + 1}{chr(ord('a') + block)}_branch{branches[number]}"
            yield from _keras_pair(conv, f"res{source}", bn, f"bn{source}")


def keras_vgg(design: VGGDesign) -> Iterator[Row]:
    """Keras numbers convolutions as we do."""
    for block, depth in enumerate(design.depths, 1):
        for i in range(1, depth + 1):
            convert = from_bgr if (block, i) == (1, 1) else same
            yield Row(f"block{block}/conv{i}/kernel", (f"block{block}_conv{i}/kernel",), convert)
            yield Row(f"block{block}/conv{i}/bias", (f"block{block}_conv{i}/bias",), same)


def as_children(rows: Iterable[Row]) -> Iterator[Row]:
    """A torchvision ResNet as `nn.Sequential(*model.children())` numbers it, RadImageNet's files
    among them: convolution 0, BatchNorm 1, ReLU, max-pool, layers from 4 on."""
    for row in rows:
        (source,) = row.sources
        child, _, rest = source.partition(".")
        number = {"conv1": 0, "bn1": 1}.get(child) if "layer" not in child else int(child[5:]) + 3
        yield row._replace(sources=(f"{number}.{rest}",))


def numbered(rows: Iterable[Row], layers: Iterable[str]) -> Iterator[Row]:
    """Names of Keras 3's first versions: a layer's class, and its number in the model's order.

    Args:
      rows: with the layers' own names.
      layers: these names in the model's order.
    """
    counts: Counter[str] = Counter()
    names = {}
    for layer in layers:
        kind = "batch_normalization" if layer.endswith("bn") else "conv2d"
        names[layer] = f"{kind}_{counts[kind]}" if counts[kind] else kind
        counts[kind] += 1
    for row in rows:
        parts = (source.split("/") for source in row.sources)
        yield row._replace(sources=tuple(f"{names[layer]}/{kind}" for layer, kind in parts))


def namings(design: Design, form: str) -> list[list[Row]]:
    """The tables of a model, one for every way in which files of a format name its arrays.

    Args:
      design: of the model.
      form: 'torchvision-..' or 'keras-..'.

    Returns:
      The usual one first; none if the format has no such model.
    """
    keras = form.startswith("keras")
    if isinstance(design, VGGDesign):
        if not keras:
            return [list(torchvision_vgg(design)), list(torchvision_vgg(design, prefix=""))]
        rows = list(keras_vgg(design))
        layers = dict.fromkeys(source.split("/")[0] for row in rows for source in row.sources)
        return [rows, list(numbered(rows, layers))]
    if not keras:
        rows = list(torchvision_resnet(design))
        return [rows, list(as_children(rows))]
    if design.convolutions != 3:
        return []
    rows = list(keras_resnet50(design))
    legacy = list(keras_resnet50_legacy(design))
    return [rows, legacy, list(numbered(rows, _keras_order(design)))]


def known(form: str) -> dict[str, list[list[Row]]]:
    """The `namings` of all models whose files are known for what they are, by model.

    They are the backbones, KIN, and for torch the VGGs of both with BatchNorm, as `vgg16_bn`.
    """
    every = KIN | BACKBONES
    found = {name: rows for name, design in every.items() if (rows := namings(design, form))}
    if not form.startswith("keras"):
        found |= {
            f"{name}_bn": [list(torchvision_vgg_bn(design))]
            for name, design in every.items()
            if isinstance(design, VGGDesign)
        }
    return found


def options(design: Design, form: str) -> dict[str, Any]:
    """The options of the model that a format's weights are made for.

    Args:
      design, form: as of `namings`.
    """
    if form.startswith("torchvision"):
        return {}
    return {"shift": KERAS_SHIFT} | ({} if isinstance(design, VGGDesign) else {"v1": True})


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


def _keras_order(design: ResNetDesign) -> Iterator[str]:
    """Keras' layers in its order: a shortcut lies in front of the last convolution of its block."""
    yield from ("conv1_conv", "conv1_bn")
    for _, layer, block in _blocks(design):
        for number in (1, 2, 0, 3) if _projects(design, layer, block) else (1, 2, 3):
            source = f"conv{layer + 1}_block{block + 1}_{number}"
            yield from (f"{source}_conv", f"{source}_bn")


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
