"""The frozen prefix: activations in front of the first trainable stage, computed once per phase.

Nothing in front of that stage changes during a phase, so what it sees of an image is the same in
every epoch. Kept, it saves the larger part of a step's work.
"""

import numpy as np

from jaxcbis.models import backbones
from jaxcbis.models.backbones import Backbone
from jaxcbis.models.inference import Track, Variables, forward, map_batches, untracked


def compute(
    backbone: Backbone,
    variables: Variables,
    images: np.ndarray,
    first: str,
    track: Track = untracked,
) -> np.ndarray:
    """Runs the stages in front of `first` on all images.

    Args:
      backbone: the model.
      variables: of the whole model.
      images: float32 [n, size, size, 1], normalised.
      first: the first trainable stage.
      track: shows how far it is.

    Returns:
      [n, height, width, channels]: the inputs of `first`; the images where nothing is in front.
    """
    stages = in_front(backbone.name, first)
    if not stages:
        return images

    def run(batch):
        return forward(backbone.graphdef, variables, batch, stages)

    return map_batches(run, images, track, "frozen prefix")


def in_front(name: str, first: str) -> tuple[str, ...]:
    """The stages in front of `first`."""
    stages = (*backbones.stages(name), backbones.HEAD)
    return stages[: stages.index(first)]
