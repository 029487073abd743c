"""torchvision's definitions of the backbones: the reference that ours are tested against."""

from pathlib import Path

import jax
import numpy as np
import torch
from safetensors.torch import save_file

from benchmarks.peer.models import MODELS, build, stages
from jaxcbis.designs import BACKBONES, VGGDesign
from jaxcbis.models import backbones
from jaxcbis.models.model import HEAD, Model, merge, run
from tests import tiny_torch

MODELS.update(tiny_torch.MODELS)


def backbone(name: str, num_classes: int = 5, seed: int = 0, **options) -> torch.nn.Module:
    """torchvision's model in eval mode, with random weights and BatchNorm statistics.

    Its classifier is one linear layer, `model.fc` (ResNet) or `model.classifier` (VGG). BatchNorm
    scales stay below 1, so that activations of an untrained residual network stay finite.
    `options` are those of `build`.
    """
    model = build(name, num_classes, seed, **options)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.3, 0.9)
            torch.nn.init.normal_(module.bias, 0, 0.1)
            torch.nn.init.normal_(module.running_mean, 0, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
        elif isinstance(module, torch.nn.Conv2d) and module.bias is not None:
            torch.nn.init.normal_(module.bias, 0, 0.1)
    return model.eval()


def outputs(name: str, model: torch.nn.Module, images: np.ndarray) -> dict[str, np.ndarray]:
    """Every stage's output for NHWC images, as NHWC arrays."""
    x, kept = to_torch(images), {}
    with torch.no_grad():
        for stage, module in stages(model).items():
            x = module(x)
            kept[stage] = to_numpy(x)
    return kept


def head(name: str, model: torch.nn.Module) -> dict[str, dict[str, np.ndarray]]:
    """The model's classifier as our params['head']; VGG's flatten order is turned to ours."""
    design = BACKBONES[name]
    linear = model.classifier if isinstance(design, VGGDesign) else model.fc
    kernel = linear.weight.detach().numpy()
    if isinstance(design, VGGDesign) and linear.in_features > design.widths[-1]:
        shape = (len(kernel), design.widths[-1], design.pooled, design.pooled)
        kernel = kernel.reshape(shape).transpose(0, 2, 3, 1).reshape(len(kernel), -1)
    return {"linear": {"kernel": kernel.T.copy(), "bias": linear.bias.detach().numpy().copy()}}


def load(name: str, model: torch.nn.Module, file: Path, **options) -> Model:
    """Our backbone with the weights and the classifier of a torch model, by way of a file.

    `file` ends in .safetensors or .pth and is written first.
    """
    write = torch.save if file.suffix == ".pth" else save_file
    write(model.state_dict(), file)
    classes = head(name, model)["linear"]["bias"].size
    ours = backbones.load(name, weights=str(file), num_classes=classes, **options).model
    return ours.replace(ours.params | {"head": head(name, model)}, ours.stats)


def forward(ours: Model, images: np.ndarray) -> dict[str, np.ndarray]:
    """Every stage's output of our model, 'head' included, in eval mode."""
    return jax.tree.map(np.asarray, _run(ours, images))


@jax.jit
def _run(ours, images):
    return run(merge(ours), images, (*ours.stages, HEAD))[1]


def to_torch(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(images, -1, 1)))


def to_numpy(tensor: torch.Tensor) -> np.ndarray:
    array = tensor.detach().numpy()
    return np.moveaxis(array, 1, -1) if array.ndim == 4 else array
