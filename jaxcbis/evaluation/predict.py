"""A model's answers: logits for images, and with them the map of the predicted class."""

from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from jaxcbis.evaluation import cam
from jaxcbis.models import backbones
from jaxcbis.models.backbones import HEAD, Graph
from jaxcbis.models.inference import Track, Variables, forward, map_batches, untracked


def logits(
    name: str,
    graph: Graph,
    variables: Variables,
    images: np.ndarray,
    track: Track = untracked,
) -> np.ndarray:
    """Runs a model with stored BatchNorm statistics.

    Args:
      name: of the backbone.
      graph, variables: the model.
      images: float32 [n, size, size, 1], normalised.
      track: shows how far it is.

    Returns:
      float32 [n, classes].
    """
    stages = (*backbones.stages(name), HEAD)

    def run(batch):
        return forward(graph, variables, batch, stages)

    return map_batches(run, images, track, "test")


class Maps(NamedTuple):
    """Class activation maps, and what they explain.

    Attributes:
      maps: float32 [n, size, size], at least 0 and not scaled.
      logits: float32 [n, classes].
      grid: the maps' side before upsampling.
    """

    maps: np.ndarray
    logits: np.ndarray
    grid: int


def maps(
    name: str,
    graph: Graph,
    variables: Variables,
    images: np.ndarray,
    track: Track = untracked,
) -> Maps:
    """Grad-CAM of the predicted class at the last convolution.

    For a VGG that is the last convolution with its ReLU (14 x 14 at 224 pixels), for a ResNet the
    last residual block (7 x 7).

    Args: as of `logits`.
    """
    size = images.shape[1]

    def run(batch):
        coarse, logits = _coarse_maps(graph, variables, batch, backbones.stages(name))
        return {"maps": cam.upsample(coarse, size), "logits": logits, "grid": coarse[:, :, 0]}

    answers = map_batches(run, images, track, "Grad-CAM")
    return Maps(answers["maps"], answers["logits"], answers["grid"].shape[1])


@partial(jax.jit, static_argnames=("graph", "stages"))
def _coarse_maps(
    graph: Graph, variables: Variables, batch: jax.Array, stages: tuple[str, ...]
) -> tuple[jax.Array, jax.Array]:
    features = forward(graph, variables, batch, stages)

    def head(features):
        return forward(graph, variables, features, (HEAD,))

    logits = head(features)
    return cam.grad_cam(head, features, logits.argmax(-1)), logits


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities float64 [n, classes] of logits [n, classes]."""
    return np.asarray(jax.nn.softmax(np.asarray(logits, np.float32), axis=-1), np.float64)
