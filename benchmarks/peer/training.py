"""The study's recipe in plain PyTorch, as its user writes it: no activation is kept."""

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.peer.models import stages, to_tensor
from jaxcbis.config import Config
from jaxcbis.errors import UserError
from jaxcbis.training import batches, early_stopping
from jaxcbis.training.strategies import Phase

#: Items per call where nothing is trained.
BATCH = 32

#: What a row of the history has.
_HISTORY = (
    "phase", "epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "seconds",
)  # fmt: skip

#: Normalised images, float32 [n, size, size, 1], and their labels, int32 [n].
Split = tuple[np.ndarray, np.ndarray]


def fit(
    model: Any,
    phases: Sequence[Phase],
    train: Split,
    validation: Split,
    config: Config,
    on_epoch: Callable[[dict], None] = lambda row: None,
) -> list[dict]:
    """Trains phase after phase, each from the best model of the one before.

    Batches come in the order of ours, early stopping and the choice of the best model follow the
    same rules. Frozen stages are in evaluation mode and get no gradient.

    Args:
      model: of `models.build`, on its device; left with the lowest validation loss of all.
      phases: of `runs.train.phases_of`.
      train, validation: the two splits.
      config: of the run.
      on_epoch: called with every row of the history.

    Returns:
      The history: rows of {'phase', 'epoch', 'train_loss', 'train_accuracy', 'val_loss',
      'val_accuracy', 'seconds'}; epoch 0 of a phase is the model that it starts with.

    Raises:
      UserError: the loss is no longer finite.
    """
    parts, history = stages(model), []
    best, lowest = copy.deepcopy(model.state_dict()), math.inf
    for number, (phase, rates) in enumerate(phases):
        model.load_state_dict(best)
        adam = _start_phase(parts, rates)
        losses: list[float] = []
        for epoch in range(config.epochs + 1):
            began = time.perf_counter()
            loss, accuracy = None, None
            if epoch:
                by_batch = rates if config.batch_norm == "train" else {}
                for stage, part in parts.items():
                    part.train(stage in by_batch)
                seed = (config.seed, number, epoch)
                order = batches.shuffled(len(train[1]), config.batch_size, seed)
                loss, accuracy = _train_epoch(model, adam, train, order)
            val_loss, val_accuracy = evaluate(model, validation)
            if not math.isfinite(val_loss + (loss or 0)):
                raise UserError(
                    f"PyTorch's loss is no longer finite in phase {phase}, epoch {epoch}; lower "
                    "--head-lr and --backbone-lr"
                )
            seconds = time.perf_counter() - began
            row = (phase, epoch, loss, accuracy, val_loss, val_accuracy, seconds)
            history.append(dict(zip(_HISTORY, row, strict=True)))
            on_epoch(history[-1])
            if val_loss < lowest:
                best, lowest = copy.deepcopy(model.state_dict()), val_loss
            losses.append(val_loss)
            if early_stopping.waited(losses, config.min_delta) >= config.patience:
                break
    model.load_state_dict(best)
    return history


def _start_phase(parts: dict[str, nn.Sequential], rates: dict[str, float]) -> torch.optim.Adam:
    """Freezes all stages but those that have a rate; a group of Adam for each of these."""
    for stage, part in parts.items():
        part.requires_grad_(stage in rates)
    return torch.optim.Adam(
        [{"params": parts[stage].parameters(), "lr": rate} for stage, rate in rates.items()]
    )


def _train_epoch(
    model: nn.Module, adam: torch.optim.Adam, split: Split, order: Iterable[np.ndarray]
) -> tuple[float, float]:
    """One step per batch; mean loss and accuracy over the items while they were visited."""
    losses, correct = [], []
    for x, labels in _batches(model, split, order):
        logits = model(x)
        loss = F.cross_entropy(logits, labels)
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.detach() * len(labels))
        correct.append((logits.detach().argmax(1) == labels).sum())
    count = len(split[1])
    return float(torch.stack(losses).sum()) / count, float(torch.stack(correct).sum()) / count


def evaluate(model: nn.Module, split: Split) -> tuple[float, float]:
    """Mean cross-entropy and accuracy, with stored BatchNorm statistics."""
    logits = torch.from_numpy(predict(model, split[0]))
    labels = torch.from_numpy(split[1]).long()
    accuracy = (logits.argmax(1) == labels).float().mean()
    return F.cross_entropy(logits, labels).item(), accuracy.item()


def predict(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Logits float32 [n, classes] of normalised images [n, size, size, 1]."""
    model.eval()
    with torch.inference_mode():
        return np.concatenate([model(x).cpu().numpy() for x in _inputs(model, images)])


def maps(model: nn.Module, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """pytorch-grad-cam's maps of the predicted class at the layer that ours are taken at.

    Args:
      model: its last stage has to be trainable, or no gradient comes to it.
      images: [n, size, size, 1], normalised.

    Returns:
      Maps float32 [n, size, size] in 0..1, and logits float32 [n, classes].
    """
    from pytorch_grad_cam import GradCAM

    *_, last, _ = stages(model).values()
    heat, logits = [], []
    with GradCAM(model=model, target_layers=[last[-1]]) as cam:
        for x in _inputs(model, images):
            heat.append(cam(input_tensor=x, targets=None))
            logits.append(cam.outputs.detach().cpu().numpy())
    return np.concatenate(heat), np.concatenate(logits)


def _inputs(model: nn.Module, images: np.ndarray) -> Iterator[torch.Tensor]:
    device = next(model.parameters()).device
    for start in range(0, len(images), BATCH):
        yield to_tensor(images[start : start + BATCH], device, channels_last=True)


def _batches(
    model: nn.Module, split: Split, order: Iterable[np.ndarray]
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    device = next(model.parameters()).device
    images, labels = split
    for index in order:
        x = to_tensor(images[index], device, channels_last=True)
        yield x, torch.from_numpy(labels[index]).long().to(device)
