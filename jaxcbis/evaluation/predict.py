"""A model's answers: logits for images, and with them the map of the predicted class."""

from functools import partial

import jax
import numpy as np
from flax import nnx

from jaxcbis.evaluation import cam
from jaxcbis.models import backbones
from jaxcbis.models.backbones import HEAD
from jaxcbis.models.inference import Track, Variables, forward, map_batches, untracked


def logits(
    name: str,
    graphdef: nnx.GraphDef,
    variables: Variables,
    images: np.ndarray,
    track: Track = untracked,
) -> np.ndarray:
    """Runs a model with stored BatchNorm statistics.

    Args:
      name: of the backbone.
      graphdef, variables: the model.
      images: float32 [n, size, size, 1], normalised.
      track: shows how far it is.

    Returns:
      float32 [n, classes].
    """
    stages = (*backbones.stages(name), HEAD)

    def run(batch):
        return forward(graphdef, variables, batch, stages)

    return map_batches(run, images, track, "test")


def maps(
    name: str,
    graphdef: nnx.GraphDef,
    variables: Variables,
    images: np.ndarray,
    track: Track = untracked,
) -> tuple[np.ndarray, int]:
    """Grad-CAM of the predicted class at the last convolution.

    For a VGG that is the last convolution with its ReLU (14 x 14 at 224 pixels), for a ResNet the
    last residual block (7 x 7).

    Args: as of `logits`.

    Returns:
      float32 [n, size, size], at least 0 and not scaled; and the maps' side before upsampling.
    """
    size = images.shape[1]

    def run(batch):
        coarse = _coarse_maps(graphdef, variables, batch, backbones.stages(name))
        return {"maps": cam.upsample(coarse, size), "grid": coarse[:, :, 0]}

    answers = map_batches(run, images, track, "Grad-CAM")
    return answers["maps"], answers["grid"].shape[1]


@partial(jax.jit, static_argnames=("graphdef", "stages"))
def _coarse_maps(
    graphdef: nnx.GraphDef, variables: Variables, batch: jax.Array, stages: tuple[str, ...]
) -> jax.Array:
    features = forward(graphdef, variables, batch, stages)

    def head(features):
        return forward(graphdef, variables, features, (HEAD,))

    return cam.grad_cam(head, features, head(features).argmax(-1))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities float64 [n, classes] of logits [n, classes]."""
    return np.asarray(jax.nn.softmax(np.asarray(logits, np.float32), axis=-1), np.float64)
