"""A model's answers: logits for images, and with them class activation maps."""

from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from jaxcbis.config import CAM_METHODS
from jaxcbis.evaluation import cam
from jaxcbis.machine import sharding
from jaxcbis.models.inference import Track, forward, map_batches, per_call, untracked
from jaxcbis.models.model import HEAD, Model


def logits(model: Model, images: np.ndarray, track: Track = untracked) -> np.ndarray:
    """Runs a model with stored BatchNorm statistics.

    Args:
      model: to run.
      images: float32 [n, size, size, 1], normalised; of a whole-image model uint8 or uint16
        [n, height, width, 1].
      track: shows how far it is.

    Returns:
      float32 [n, classes].
    """
    stages = (*model.stages, HEAD)

    def run(index):
        return forward(model, sharding.items(images, index), stages)

    return map_batches(run, np.arange(len(images)), track, "test", per_call(images))


class Maps(NamedTuple):
    """Class activation maps, and what they explain.

    Attributes:
      maps: of the predicted class or of a model's one output, float32 [n, g, g] as coarse as the
        mapped stage's output, at least 0 and not scaled; `cam.enlarge` brings them to the images'
        size.
      logits: float32 [n, classes].
      of_labels: the same of the classes asked for; None if there were none.
    """

    maps: np.ndarray
    logits: np.ndarray
    of_labels: np.ndarray | None


def maps(
    model: Model,
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
      model, images, track: as of `logits`.
      labels: int [n], classes to map as well.
      method: of `cam.METHODS`, or `cam.SCORE_CAM`, which runs the model once more per channel.
      stage: whose output is mapped.
    """
    order = model.stages
    mapped = len(order) if stage is None else order.index(stage) + 1
    front, behind = order[:mapped], (*order[mapped:], HEAD)

    def run(index):
        batch = sharding.items(images, index)
        wanted = None if labels is None else sharding.items(labels, index)
        return _maps(model, batch, wanted, front, behind, method)

    size = per_call(images)
    found, answers = map_batches(run, np.arange(len(images)), track, CAM_METHODS[method], size)
    return Maps(found[0], answers, None if labels is None else found[1])


@partial(jax.jit, static_argnames=("front", "behind", "method"))
def _maps(
    model: Model,
    batch: jax.Array,
    labels: jax.Array | None,
    front: tuple[str, ...],
    behind: tuple[str, ...],
    method: str,
) -> tuple[list[jax.Array], jax.Array]:
    """Maps of the predicted class and of the labels, if there are any, and logits."""
    features = forward(model, batch, front)

    def head(features):
        return forward(model, features, behind)

    logits = head(features)
    wanted = [logits.argmax(-1)] if labels is None else [logits.argmax(-1), labels]
    if method == cam.SCORE_CAM:

        def whole(images):
            return forward(model, images, (*front, *behind))

        scores = cam.channel_scores(whole, batch, features)
        found = [cam.score_cam(features, scores, classes) for classes in wanted]
    else:
        found = [cam.METHODS[method](head, features, classes) for classes in wanted]
    return sharding.returned((found, logits))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities float64 [n, classes] of logits [n, classes]."""
    return np.asarray(jax.nn.softmax(np.asarray(logits, np.float32), axis=-1), np.float64)
