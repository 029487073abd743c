"""Our weights in torchvision's model, whatever file they came from."""

from typing import Any

import jax
import numpy as np
import torch
from flax.traverse_util import flatten_dict
from torch import nn

from benchmarks.peer.models import build, to_tensor
from jaxcbis.designs import BACKBONES, VGGDesign
from jaxcbis.evaluation import activation_maps
from jaxcbis.models.model import HEAD, Model, merge
from jaxcbis.models.weights import tables

#: Largest difference of logits, as a share of their deviation, between two copies of one model.
TOLERANCE = 1e-3


class Shift(nn.Module):
    """Adds a constant to each channel, for weights that expect other means of the input."""

    def __init__(self, shift: tuple[float, ...]):
        super().__init__()
        self.shift = nn.Buffer(torch.tensor(shift).reshape(-1, 1, 1), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.shift


def from_ours(backbone: Model) -> Any:
    """torchvision's model with our parameters and statistics.

    Weights of Keras need more than other arrays: there the model's first convolution shifts its
    input, and a ResNet's strides, or the dilations in their place, lie where Keras has them.

    Args:
      backbone: of `backbones.load`; the classes are those of its head.
    """
    ours = {**flatten_dict(backbone.params, sep="/"), **flatten_dict(backbone.stats, sep="/")}
    bias, kernel = (np.array(ours[f"{HEAD}/linear/{kind}"]) for kind in ("bias", "kernel"))
    name, options = backbone.architecture.name, backbone.architecture.options
    chosen = {key: options[key] for key in BACKBONES[name].choices if key in options}
    model = build(name, len(bias), **chosen)
    state = model.state_dict()
    rows = tables.namings(BACKBONES[name], "torchvision")[0]
    for row in rows:
        array = np.array(ours[row.target])
        array = array.transpose(3, 2, 0, 1) if row.convert is tables.hwio else array
        state[row.sources[0]] = torch.from_numpy(array)
    design = BACKBONES[name]
    is_vgg = isinstance(design, VGGDesign)
    kernel = kernel.T
    if (
        isinstance(design, VGGDesign) and options["head"] == "flatten"
    ):  # ours flattens channels last, torch channels first
        side = design.pooled
        kernel = kernel.reshape(len(bias), side, side, -1).transpose(0, 3, 1, 2)
    classifier = "classifier" if is_vgg else "fc"
    state[f"{classifier}.weight"] = torch.from_numpy(kernel.reshape(len(bias), -1))
    state[f"{classifier}.bias"] = torch.from_numpy(bias)
    model.load_state_dict(state)

    network = merge(backbone)
    if is_vgg:
        if network["block1"].shift is not None:
            model.features[0] = nn.Sequential(Shift(network["block1"].shift), model.features[0])
        return model
    if network["stem"].shift is not None:
        model.conv1 = nn.Sequential(Shift(network["stem"].shift), model.conv1)
    for layer in backbone.stages[1:]:
        theirs, block = getattr(model, layer)[0], network[layer].block0
        for conv in ("conv1", "conv2"):
            for setting in ("stride", "padding", "dilation"):
                setattr(
                    getattr(theirs, conv), setting, (getattr(getattr(block, conv), setting),) * 2
                )
    return model


def require_same_logits(backbone: Model, model: Any, images: np.ndarray) -> None:
    """Checks that both are one model, in full float32 and with stored BatchNorm statistics.

    Args:
      backbone, model: ours, and torch's on the CPU.
      images: float32 [n, size, size, 1], normalised.

    Raises:
      RuntimeError: their logits differ by more than TOLERANCE.
    """
    with jax.default_matmul_precision("highest"):
        ours = activation_maps.logits(backbone, images)
    with torch.inference_mode():
        theirs = model.eval()(to_tensor(images)).numpy()
    difference = np.abs(ours - theirs).max() / theirs.std()
    if not difference <= TOLERANCE:
        raise RuntimeError(
            f"{backbone.architecture.name}: its copy in PyTorch is another model; their logits "
            f"differ by {difference:.2g} of their deviation"
        )
