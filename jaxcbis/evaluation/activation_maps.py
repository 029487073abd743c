"""A model's answers: logits for images, and with them class activation maps."""

from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from jaxcbis.config import CAM_METHODS
from jaxcbis.evaluation import cam
from jaxcbis.machine import sharding
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

    def run(index):
        return forward(graph, variables, sharding.items(images, index), stages)

    return map_batches(run, np.arange(len(images)), track, "test")


class Maps(NamedTuple):
    """Class activation maps, and what they explain.

    Attributes:
      maps: of the predicted class, float32 [n, g, g] as coarse as the mapped stage's output, at
        least 0 and not scaled; `cam.enlarge` brings them to the images' size.
      logits: float32 [n, classes].
      of_labels: the same of the classes asked for; None if there were none.
    """

    maps: np.ndarray
    logits: np.ndarray
    of_labels: np.ndarray | None


def maps(
    name: str,
    graph: Graph,
    variables: Variables,
    images: np.ndarray,
    track: Track = untracked,
    *,
    labels: np.ndarray | None = None,
    method: str = "gradcam",
    stage: str | None = None,
) -> Maps:
    """Class activation maps of the predicted class and, if asked for, of another one.

    By default they are taken at the last stage. For a VGG that is the last convolution with its
    ReLU (14 x 14 at 224 pixels), for a ResNet the last residual block (7 x 7).

    Args:
      name, graph, variables, images, track: as of `logits`.
      labels: int [n], classes to map as well.
      method: of `cam.METHODS`, or `cam.SCORE_CAM`, which runs the model once more per channel.
      stage: whose output is mapped.
    """
    order = backbones.stages(name)
    mapped = len(order) if stage is None else order.index(stage) + 1
    front, behind = order[:mapped], (*order[mapped:], HEAD)

    def run(index):
        batch = sharding.items(images, index)
        wanted = None if labels is None else sharding.items(labels, index)
        return _maps(graph, variables, batch, wanted, front, behind, method)

    found, answers = map_batches(run, np.arange(len(images)), track, CAM_METHODS[method])
    return Maps(found[0], answers, None if labels is None else found[1])


@partial(jax.jit, static_argnames=("graph", "front", "behind", "method"))
def _maps(
    graph: Graph,
    variables: Variables,
    batch: jax.Array,
    labels: jax.Array | None,
    front: tuple[str, ...],
    behind: tuple[str, ...],
    method: str,
) -> tuple[list[jax.Array], jax.Array]:
    """Maps of the predicted class and of the labels, if there are any, and logits."""
    features = forward(graph, variables, batch, front)

    def head(features):
        return forward(graph, variables, features, behind)

    logits = head(features)
    wanted = [logits.argmax(-1)] if labels is None else [logits.argmax(-1), labels]
    if method == cam.SCORE_CAM:

        def model(images):
            return forward(graph, variables, images, (*front, *behind))

        scores = cam.channel_scores(model, batch, features)
        found = [cam.score_cam(features, scores, classes) for classes in wanted]
    else:
        found = [cam.METHODS[method](head, features, classes) for classes in wanted]
    return sharding.returned((found, logits))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities float64 [n, classes] of logits [n, classes]."""
    return np.asarray(jax.nn.softmax(np.asarray(logits, np.float32), axis=-1), np.float64)
