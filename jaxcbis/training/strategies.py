"""Strategies as lists of phases: the paper's two, and that of whole images; and how one is run."""

from collections.abc import Sequence
from typing import NamedTuple

from jaxcbis.models.model import HEAD
from jaxcbis.models.whole_image import HEATMAP, TOP


class Phase(NamedTuple):
    """A stretch of training in which the same stages learn at the same rates.

    Attributes:
      name: of the stage that the phase unfreezes, or 'all'.
      learning_rates: of every trainable stage, from the input to the head; other stages are frozen.
    """

    name: str
    learning_rates: dict[str, float]


class Recipe(NamedTuple):
    """How a model is trained.

    Attributes:
      phases: in order.
      batch_size, epochs, patience, min_delta, batch_norm, seed, look_weight: the options of the
        same names; epochs and patience are those of each phase.
      augment: images are turned as of `augmentation`, anew in every epoch.
      checkpoint: the gradient computes inner activations anew instead of keeping them.
    """

    phases: Sequence[Phase]
    batch_size: int
    epochs: int
    patience: int
    min_delta: float
    batch_norm: str
    seed: int
    look_weight: float = 0.0
    augment: bool = False
    checkpoint: bool = False


def phases(
    strategy: str,
    trainable: Sequence[str],
    *,
    head_lr: float,
    backbone_lr: float,
    lr_decay: float,
) -> list[Phase]:
    """Lists the phases of a strategy.

    Args:
      strategy: 's1', gradual unfreezing from the head inwards, or 's2', everything at once.
      trainable: stages behind the frozen half, from the input on, without the head.
      head_lr, backbone_lr: learning rates of the head and of the last stage.
      lr_decay: factor per stage from the last one inwards.

    Returns:
      The phases in order. Each trains all that the one before it trained.
    """
    rates = _inwards(trainable, backbone_lr, lr_decay) | {HEAD: head_lr}
    if strategy == "s2":
        return [Phase("all", rates)]
    order = list(rates)
    return [
        Phase(order[first], {stage: rates[stage] for stage in order[first:]})
        for first in reversed(range(len(order)))
    ]


def whole_image_phases(
    trainable: Sequence[str],
    top_input: str,
    *,
    top_lr: float,
    backbone_lr: float,
    lr_decay: float,
) -> list[Phase]:
    """Lists the phases of a whole-image classifier: its top, then all behind the frozen half.

    Args:
      trainable: the backbone's stages behind the frozen half, from the input on.
      top_input: 'features', or 'heatmap', whose convolution learns with the top.
      top_lr: learning rate of all behind the backbone, in both phases.
      backbone_lr: of the backbone's last stage.
      lr_decay: factor per stage from that one inwards.

    Returns:
      The phases in order. The second trains all that the first one trained.
    """
    added = (HEATMAP, TOP, HEAD) if top_input == HEATMAP else (TOP, HEAD)
    top = dict.fromkeys(added, top_lr)
    return [Phase(TOP, top), Phase("all", _inwards(trainable, backbone_lr, lr_decay) | top)]


def _inwards(trainable: Sequence[str], last: float, decay: float) -> dict[str, float]:
    """Learning rates that fall by a factor from the last stage inwards, in the given order."""
    depth = {stage: i for i, stage in enumerate(reversed(trainable))}
    return {stage: last * decay ** depth[stage] for stage in trainable}
