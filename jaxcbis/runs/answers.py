"""A finished run's answers to grey images: arrays in and arrays out."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxcbis.data import normalization, patches
from jaxcbis.data.patches import Patches
from jaxcbis.evaluation import activation_maps, cam
from jaxcbis.evaluation.activation_maps import Maps
from jaxcbis.machine.console import track
from jaxcbis.models.inference import Track, untracked
from jaxcbis.runs.finished import Finished

Images = Sequence[np.ndarray] | np.ndarray


class Explanation(NamedTuple):
    """What a model says of patches, and where it looks.

    Attributes:
      probabilities: float64 [n, classes], in the order of `jaxcbis.LABELS`.
      maps: class activation maps of the most probable class, float32 [n, size, size] at the model's
        size, at least 0 and not scaled; zero everywhere where nothing speaks for the class.
    """

    probabilities: np.ndarray
    maps: np.ndarray


def predict(run: Finished, images: Images) -> np.ndarray:
    """Class probabilities of grey patches.

    Each is stretched to the model's size and normalised as the train split was as a whole: the
    paper's normalisation by class needs the answer.

    Args:
      run: of `finished.load`.
      images: uint8 [n, height, width], or n arrays [height, width] of any sizes; n is at least 1.

    Returns:
      float64 [n, classes], in the order of `jaxcbis.LABELS`.

    Raises:
      ValueError: the images are of another kind.
    """
    return probabilities(run, _inputs(run, images))


def explain(run: Finished, images: Images) -> Explanation:
    """Class probabilities of grey patches and the class activation maps behind them.

    The maps are made by the method and at the stage that the run was given.

    Args:
      run: a finished run.
      images: as of `predict`.

    Raises:
      ValueError: the images are of another kind.
    """
    found = maps(run, _inputs(run, images))
    enlarged = cam.enlarge(found.maps, run.config.image_size)
    return Explanation(activation_maps.softmax(found.logits), enlarged)


def probabilities(run: Finished, inputs: np.ndarray) -> np.ndarray:
    """Class probabilities float64 [n, classes] of normalised images [n, size, size, 1]."""
    return activation_maps.softmax(activation_maps.logits(run.model, inputs))


def maps(run: Finished, inputs: np.ndarray, track: Track = untracked) -> Maps:
    """Class activation maps of the predicted classes, by the run's own method and stage.

    Args:
      run: of `finished.load`.
      inputs: float32 [n, size, size, 1], normalised.
      track: shows how far it is.
    """
    config = run.config
    return activation_maps.maps(
        run.model, inputs, track, method=config.cam_method, stage=config.cam_stage
    )


def maps_of(run: Finished, items: Patches, labels: np.ndarray | None = None) -> Maps:
    """`maps` of patches, showing how far it is.

    Args:
      run: of `finished.load`.
      items: patches at the model's size.
      labels: int [n], to normalise by class; None to do so as the train split was as a whole.
    """
    return maps(run, normalization.normalize(items.images, run.statistics, labels), track)


def require_grey(image: np.ndarray) -> np.ndarray:
    """The image, if it is grey, uint8 [height, width].

    Raises:
      ValueError: it is of another kind.
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 2 or not image.size:
        raise ValueError(
            f"expected a grey image, uint8 [height, width], got {image.dtype} {list(image.shape)}"
        )
    return image


def _inputs(run: Finished, images: Images) -> np.ndarray:
    if not len(images):
        raise ValueError("expected at least one image, got none")
    size = run.config.image_size
    stretched = np.stack([patches.resize(require_grey(image), size) for image in images])
    return normalization.normalize(stretched, run.statistics)
