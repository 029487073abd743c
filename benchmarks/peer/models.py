"""torchvision's backbones with one linear classifier, as modules by our names of stages.

Imports no JAX. Whatever imports torchvision itself must come after it.
"""

import itertools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn


def _import_torchvision() -> Any:
    try:
        import torchvision
    except RuntimeError:
        # Its wheel for CUDA beside a PyTorch without: operators that no model here uses are absent.
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        operators = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            operators.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision
    return torchvision


torchvision = _import_torchvision()

#: By the names of `jaxcbis.designs.BACKBONES`.
MODELS: dict[str, Callable[[], Any]] = {
    "vgg16": torchvision.models.vgg16,
    "vgg19": torchvision.models.vgg19,
    "resnet34": torchvision.models.resnet34,
    "resnet50": torchvision.models.resnet50,
}


def build(
    name: str,
    num_classes: int = 5,
    seed: int = 0,
    *,
    output_stride: int | None = None,
    head: str | None = None,
) -> Any:
    """torchvision's model with one linear classifier and random weights.

    Args:
      name, num_classes, seed, output_stride, head: as of `jaxcbis.models.backbones.load`.
    """
    torch.manual_seed(seed)
    model = MODELS[name]()
    if hasattr(model, "features"):
        features = model.classifier[0].in_features
        if head == "pool":  # Zhou et al.: all cells of the last block, without its max-pool
            features = model.features[-3].out_channels
            model.features[-1], model.avgpool = nn.Identity(), nn.AdaptiveAvgPool2d(1)
        model.classifier = nn.Linear(features, num_classes)
    else:
        if output_stride == 16:
            dilate_last_stage(model)
        model.fc = nn.Linear(model.fc.in_features, num_classes)
    return model


def dilate_last_stage(model: Any) -> None:
    """What `replace_stride_with_dilation` does to a ResNet's last stage.

    torchvision has it for bottlenecks alone: there what comes first is the convolution with the
    stride, which keeps its own dilation. All 3x3 ones behind it see every second pixel.
    """
    last = [part for name, part in model.named_children() if name.startswith("layer")][-1]
    behind = False
    for name, conv in last.named_modules():
        if not isinstance(conv, nn.Conv2d):
            continue
        if behind and conv.kernel_size == (3, 3):
            conv.padding = conv.dilation = (2, 2)
        behind |= conv.stride == (2, 2) and "downsample" not in name
        conv.stride = (1, 1)


def stages(model: Any) -> dict[str, nn.Sequential]:
    """A VGG or ResNet as one module per stage, by our names; they share its parameters."""
    if hasattr(model, "features"):
        inner = model.features[:-1]  # the last block's max-pool is the head's
        pools = [i for i, layer in enumerate(inner, 1) if isinstance(layer, nn.MaxPool2d)]
        ends = (0, *pools, len(inner))
        blocks = [model.features[i:j] for i, j in itertools.pairwise(ends)]
        pool = model.features[ends[-1] :]
        head = nn.Sequential(pool, model.avgpool, nn.Flatten(), model.classifier)
        return {f"block{i}": block for i, block in enumerate(blocks, 1)} | {"head": head}
    stem = nn.Sequential(model.conv1, model.bn1, model.relu, model.maxpool)
    layers = {name: part for name, part in model.named_children() if name.startswith("layer")}
    head = nn.Sequential(model.avgpool, nn.Flatten(), model.fc)
    return {"stem": stem} | layers | {"head": head}


def to_tensor(
    inputs: np.ndarray, device: torch.device | str = "cpu", *, channels_last: bool = False
) -> torch.Tensor:
    """NHWC to NCHW on a device, see `on_device`."""
    return on_device(on_host(inputs), device, channels_last=channels_last)


def on_host(inputs: np.ndarray) -> torch.Tensor:
    """NHWC to NCHW."""
    return torch.from_numpy(np.moveaxis(inputs, -1, 1))


def on_device(x: torch.Tensor, device: torch.device | str, *, channels_last: bool) -> torch.Tensor:
    """NCHW on a device; a grey image gets its three channels there, so that one travels."""
    x = x.to(device, non_blocking=True)
    if x.shape[1] == 1:
        x = x.expand(-1, 3, -1, -1)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return x.contiguous(memory_format=layout)
