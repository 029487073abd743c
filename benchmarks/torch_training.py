"""The study's recipe in plain PyTorch, as its user writes it: no activation is kept."""

import copy
import time
from typing import Any, NamedTuple

import numpy as np
import torch
from flax.traverse_util import flatten_dict
from torch import nn
from torch.nn import functional as F

from benchmarks import torch_side
from benchmarks.torch_side import Settings, to_tensor
from jaxcbis.config import Config
from jaxcbis.labels import LABELS
from jaxcbis.models import backbones, tables
from jaxcbis.models.backbones import HEAD, Backbone
from jaxcbis.training import batches, stopping
from jaxcbis.training.fit import Examples
from jaxcbis.training.stopping import Stopping
from jaxcbis.training.strategies import Phase

#: Items per call where nothing is trained.
BATCH = 32


class Trained(NamedTuple):
    """Attributes:
    model: the one to call and torchvision's within it, with the lowest validation loss of all.
    history: rows of {'phase', 'epoch', 'train_loss', 'val_loss', 'seconds'}, epoch 0 as it starts.
    """

    model: tuple[Any, Any]
    history: list[dict]


class Shifted(nn.Module):
    """A model that adds `shift` to its input's channels, for weights that expect other means."""

    def __init__(self, model: nn.Module, shift: tuple[float, ...]):
        super().__init__()
        self.model = model
        self.shift = nn.Buffer(torch.tensor(shift).reshape(1, -1, 1, 1), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x + self.shift)


def from_ours(backbone: Backbone) -> tuple[Any, Any]:
    """torchvision's model with our weights.

    Returns:
      The model to call, and torchvision's own within it: the same one but where the weights' format
      shifts the input. Where it is Keras', a ResNet's strides lie where Keras has them.
    """
    model = torch_side.build(backbone.name, len(LABELS))
    ours = {**flatten_dict(backbone.params, sep="/"), **flatten_dict(backbone.stats, sep="/")}
    state = model.state_dict()
    rows, _ = tables.table(backbone.name, "torchvision-safetensors", {})
    for row in rows:
        array = np.asarray(ours[row.target])
        array = array.transpose(3, 2, 0, 1) if row.convert is tables.hwio else array
        state[row.sources[0]] = torch.from_numpy(array.copy())
    kernel = np.asarray(ours[f"{HEAD}/linear/kernel"]).T
    if backbone.name.startswith("vgg"):  # torch flattens channels first
        kernel = kernel.reshape(len(kernel), 7, 7, -1).transpose(0, 3, 1, 2)
    name = "classifier" if backbone.name.startswith("vgg") else "fc"
    state[f"{name}.weight"] = torch.from_numpy(kernel.reshape(len(kernel), -1).copy())
    state[f"{name}.bias"] = torch.from_numpy(np.array(ours[f"{HEAD}/linear/bias"]))
    model.load_state_dict(state)

    module: Any = backbones.merge(backbone.graph, backbone.params, backbone.stats)
    if backbone.name == "resnet50":
        for layer in ("layer2", "layer3", "layer4"):
            theirs, block = getattr(model, layer)[0], getattr(module, layer).block0
            for conv in ("conv1", "conv2"):
                getattr(theirs, conv).stride = (getattr(block, conv).stride,) * 2
    shift = (module.block1 if backbone.name.startswith("vgg") else module.stem).shift
    return (model if shift is None else Shifted(model, shift)), model


def train(
    backbone: Backbone, phases: list[Phase], splits: list[Examples], config: Config
) -> Trained:
    """Trains phase after phase, each from the best model of the one before.

    Batches come in the order of ours, and early stopping follows the same rule.

    Args:
      backbone: weights to start with.
      phases: of `experiment.phases_of`.
      splits: train and validation, as normalised images [n, size, size, 1].
      config: of the run.
    """
    torch_side.use_machine()
    whole, model = from_ours(backbone)
    device = torch.device("cuda" if torch.cuda.is_available() and config.device != "cpu" else "cpu")
    whole.to(device, memory_format=torch.channels_last)
    parts = torch_side.stages(backbone.name, model)
    settings = Settings(channels_last=True)
    history: list[dict] = []
    best, best_loss = copy.deepcopy(whole.state_dict()), float("inf")

    def images(inputs: np.ndarray) -> torch.Tensor:
        return to_tensor(inputs, settings, device)

    for number, (name, rates) in enumerate(phases):
        whole.load_state_dict(best)
        for stage, part in parts.items():
            part.requires_grad_(stage in rates)
        adam = torch.optim.Adam(
            [{"params": parts[stage].parameters(), "lr": rate} for stage, rate in rates.items()]
        )
        loss = _losses(whole, images, splits[1], config).mean()
        history.append(_row(name, 0, None, loss, 0.0))
        stop = Stopping(float(loss))
        if loss < best_loss:
            best, best_loss = copy.deepcopy(whole.state_dict()), loss
        for epoch in range(1, config.epochs + 1):
            began = time.perf_counter()
            whole.eval()
            for stage, part in parts.items():
                part.train(stage in rates and config.batch_norm == "train")
            total = 0.0
            inputs, labels = (np.asarray(array) for array in splits[0])
            for index in batches.shuffled(
                len(labels), config.batch_size, (config.seed, number, epoch)
            ):
                x, y = images(inputs[index]), torch.from_numpy(labels[index]).long().to(device)
                with _autocast(device, config):
                    value = F.cross_entropy(whole(x), y)
                adam.zero_grad()
                value.backward()
                adam.step()
                total += value.item() * len(index)
            loss = _losses(whole, images, splits[1], config).mean()
            seconds = time.perf_counter() - began
            history.append(_row(name, epoch, total / len(labels), loss, seconds))
            if loss < best_loss:
                best, best_loss = copy.deepcopy(whole.state_dict()), loss
            stop = stopping.update(stop, float(loss), config.min_delta)
            if stop.waited >= config.patience:
                break
    whole.load_state_dict(best)
    return Trained((whole.eval(), model), history)


def probabilities(trained: Trained, images: np.ndarray) -> np.ndarray:
    """float64 [n, classes] of normalised images [n, size, size, 1]."""
    whole, _ = trained.model
    device = next(whole.parameters()).device
    with torch.inference_mode():
        logits = [
            whole(to_tensor(images[i : i + BATCH], Settings(channels_last=True), device))
            for i in range(0, len(images), BATCH)
        ]
    return torch.softmax(torch.cat(logits).double(), 1).cpu().numpy()


def maps(trained: Trained, name: str, images: np.ndarray) -> np.ndarray:
    """pytorch-grad-cam's maps of the predicted class at our layer, float32 [n, size, size]."""
    from pytorch_grad_cam import GradCAM

    whole, model = trained.model
    device = next(whole.parameters()).device
    layer = list(torch_side.stages(name, model).values())[-2][-1]
    with GradCAM(model=whole, target_layers=[layer]) as cam:
        parts = [
            cam(
                to_tensor(images[i : i + BATCH], Settings(channels_last=True), device), targets=None
            )
            for i in range(0, len(images), BATCH)
        ]
    return np.concatenate(parts)


def _losses(model: Any, images: Any, split: Examples, config: Config) -> np.ndarray:
    model.eval()
    losses = []
    inputs, labels = (np.asarray(array) for array in split)
    with torch.inference_mode():
        for i in range(0, len(labels), BATCH):
            x = images(inputs[i : i + BATCH])
            y = torch.from_numpy(labels[i : i + BATCH]).long().to(x.device)
            with _autocast(x.device, config):
                losses.append(F.cross_entropy(model(x), y, reduction="none"))
    return torch.cat(losses).float().cpu().numpy()


def _autocast(device: torch.device, config: Config) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bfloat16")


def _row(phase: str, epoch: int, train_loss: float | None, loss: float, seconds: float) -> dict:
    return {
        "phase": phase, "epoch": epoch, "train_loss": train_loss, "val_loss": float(loss),
        "seconds": seconds,
    }  # fmt: skip
