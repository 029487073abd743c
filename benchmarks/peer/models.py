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


def build(name: str, num_classes: int = 5, seed: int = 0) -> Any:
    """torchvision's model with one linear classifier and random weights."""
    torch.manual_seed(seed)
    model = MODELS[name]()
    if hasattr(model, "features"):
        model.classifier = nn.Linear(model.classifier[0].in_features, num_classes)
    else:
        model.fc = nn.Linear(model.fc.in_features, num_classes)
    return model


def stages(model: Any) -> dict[str, nn.Sequential]:
    """A VGG or ResNet as one module per stage, by our names; they share its parameters."""
    if hasattr(model, "features"):
        pools = [i for i, layer in enumerate(model.features, 1) if isinstance(layer, nn.MaxPool2d)]
        ends = (0, *pools[:-1], pools[-1] - 1)  # the last block's max-pool is the head's
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
