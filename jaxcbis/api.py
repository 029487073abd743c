"""The package from Python: a finished run's answers, arrays in and arrays out.

`import jaxcbis` offers what is here by name and loads it when it is first used.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxcbis.data import normalization, patches, pictures
from jaxcbis.detection import sweep as sweeping
from jaxcbis.detection.sweep import Sweep
from jaxcbis.errors import UserError
from jaxcbis.evaluation import activation_maps as answers
from jaxcbis.machine import device
from jaxcbis.models.inference import Track, untracked
from jaxcbis.runs import finished
from jaxcbis.runs.export import export
from jaxcbis.runs.finished import Finished

__all__ = ["Explanation", "explain", "export", "load", "predict", "read_image", "sweep"]


class Explanation(NamedTuple):
    """What a model says of patches, and where it looks.

    Attributes:
      probabilities: float64 [n, classes], in the order of `jaxcbis.LABELS`.
      maps: class activation maps of the most probable class, float32 [n, size, size] at the model's
        size, at least 0 and not scaled; zero everywhere where nothing speaks for the class.
    """

    probabilities: np.ndarray
    maps: np.ndarray


def load(folder: Path | str) -> Finished:
    """Reads a finished run; the data it was trained on are not needed.

    JAX computes on a GPU where there is one, and keeps what it compiles for the next start, as the
    program does. Where JAX is at work already, it goes on as it is.

    Raises:
      UserError: see `jaxcbis.runs.finished.load`.
    """
    if not device.started():
        device.choose("auto")
    return finished.load(folder)


def read_image(path: Path | str) -> np.ndarray:
    """Reads a PNG, JPEG or DICOM file to grey pixels, uint8 [height, width].

    Raises:
      UserError: see `jaxcbis.data.pictures.read`, which also tells what it had to assume.
    """
    return pictures.read(path).pixels


def predict(run: Finished, images: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """Class probabilities of grey patches.

    Each is stretched to the model's size and normalised as the train split was as a whole: the
    paper's normalisation by class needs the answer.

    Args:
      run: of `load`.
      images: uint8 [n, height, width], or n arrays [height, width] of any sizes; n is at least 1.

    Returns:
      float64 [n, classes], in the order of `jaxcbis.LABELS`.

    Raises:
      ValueError: the images are of another kind.
    """
    return answers.softmax(answers.logits(run.model, _inputs(run, images)))


def explain(run: Finished, images: Sequence[np.ndarray] | np.ndarray) -> Explanation:
    """Class probabilities of grey patches and the class activation maps behind them.

    The maps are made by the method and at the stage that the run was given.

    Args:
      run, images: as of `predict`.

    Raises:
      ValueError: the images are of another kind.
    """
    config = run.config
    found = answers.maps(
        run.model, _inputs(run, images), method=config.cam_method, stage=config.cam_stage
    )
    return Explanation(answers.softmax(found.logits), found.maps)


def sweep(
    run: Finished, mammogram: np.ndarray, window: int | None = None, track: Track = untracked
) -> Sweep:
    """Class probabilities all over a mammogram, see `jaxcbis.detection.sweep`.

    Args:
      run: of `load`.
      mammogram: uint8 [height, width].
      window: side in pixels of this mammogram that a lesion's crop would have; that of the crops
        which the run learned from if None, which is right at their mammograms' resolution.
      track: shows how far it is.

    Raises:
      UserError: the run does not know its crops' size, or a window does not fit.
      ValueError: the mammogram is of another kind.
    """
    trained = run.results["model"].get("lesion_side")
    if window is None and trained is None:
        raise UserError(
            f"{run.folder}: does not tell how large its lesion crops were; give --window N, the "
            "side of one in this mammogram's pixels"
        )
    wanted = round(trained) if window is None else window
    if wanted < pictures.SMALLEST:
        raise UserError(f"--window {wanted}: expected at least {pictures.SMALLEST}")
    return sweeping.sweep(
        lambda crops: predict(run, crops),
        _grey(mammogram),
        wanted,
        trained=None if trained is None else round(trained),
        track=track,
    )


def _inputs(run: Finished, images: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    if not len(images):
        raise ValueError("expected at least one image, got none")
    size = run.config.image_size
    stretched = np.stack([patches.resize(_grey(image), size) for image in images])
    return normalization.normalize(stretched, run.statistics)


def _grey(image: np.ndarray) -> np.ndarray:
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 2 or not image.size:
        raise ValueError(
            f"expected a grey image, uint8 [height, width], got {image.dtype} {list(image.shape)}"
        )
    return image
