"""A finished run's answers to pictures."""

import warnings
from typing import Any

import numpy as np

from jaxcbis.config import CAM_METHODS
from jaxcbis.data import given, normalization, patches
from jaxcbis.data.given import Grey, Several
from jaxcbis.data.patches import Patches
from jaxcbis.errors import InvalidValueError, meant
from jaxcbis.evaluation import activation_maps, cam
from jaxcbis.evaluation.activation_maps import Maps
from jaxcbis.labels import LABELS
from jaxcbis.machine.console import track
from jaxcbis.models.inference import Track, untracked
from jaxcbis.runs.explanation import Explanation
from jaxcbis.runs.finished import Finished, require


def predict(run: Finished, images: Several) -> np.ndarray:
    """Class probabilities of one picture of a patch, or of several.

    Each is stretched to the model's size and normalised as the train split was as a whole: the
    paper's normalisation by class needs the answer. What had to be assumed of a picture, as the
    bits of 16 that it uses, is a warning.

    Args:
      run: of `jaxcbis.load` or `jaxcbis.train`.
      images: a picture or a list of n, of any sizes. A picture is a path (PNG, JPEG, TIFF, PGM,
        BMP, JPEG 2000, WebP, DICOM), a PIL image, or an array [height, width] or, where its
        channels are alike, [height, width, 3]: uint8, uint16, or floats from 0 to 1. An array
        [n, height, width] is a list of n.

    Returns:
      float64 [classes], in the order of `jaxcbis.LABELS`; of a list [n, classes].

    Raises:
      UserError: it is no run, or a picture is of another kind (also a ValueError); its file is not
        there (also a FileNotFoundError) or cannot be read.

    Examples:
      >>> probabilities = jaxcbis.predict(run, "patch.png")
      >>> probabilities.shape, round(float(probabilities.sum()), 6)
      ((5,), 1.0)
      >>> jaxcbis.predict(run, ["patch.png", np.zeros((24, 24))]).shape
      (2, 5)
    """
    require(run)
    asked = _read(images)
    found = probabilities(run, _inputs(run, asked))
    return found[0] if asked.single else found


def explain(
    run: Finished,
    images: Several,
    *,
    target: str | int | None = None,
    method: str | None = None,
    stage: str | None = None,
) -> Explanation:
    """Class probabilities of pictures of patches, and the class activation maps behind them.

    Args:
      run: a finished run.
      images: as of `predict`.
      target: class that the maps are of, by name or by its index in `jaxcbis.LABELS`; the most
        probable one of each picture if None.
      method: 'gradcam', 'gradcam++', 'hirescam', 'layercam' or 'scorecam'; the run's own if None.
      stage: whose output is mapped, 'block1' to 'block5' of a VGG, 'stem' or 'layer1' to 'layer4'
        of a ResNet; the run's own if None.

    Returns:
      Labels, probabilities and maps; it draws them, too. Of one picture those of one, of a list
      those of n.

    Raises:
      UserError: as of `predict`; or there is no such class, method or stage (also a ValueError).

    Examples:
      >>> found = jaxcbis.explain(run, "patch.png", target="MALIGNANT_Mass", method="hirescam")
      >>> found.labels in jaxcbis.LABELS, found.targets
      (True, 'MALIGNANT_Mass')
      >>> found.maps.shape  # at the model's size
      (32, 32)
      >>> figure = found.plot()  # patch, map and overlay side by side
    """
    require(run)
    method = _known("method", method or run.config.cam_method, tuple(CAM_METHODS))
    stages = tuple(run.model.stages)
    stage = _known("stage", stage or run.config.cam_stage or stages[-1], stages)
    wanted = None if target is None else _class(target)
    asked = _read(images)
    inputs = _inputs(run, asked)
    labels = None if wanted is None else np.full(len(inputs), wanted)
    found = activation_maps.maps(run.model, inputs, labels=labels, method=method, stage=stage)
    shown = found.maps if found.of_labels is None else found.of_labels
    of_classes = activation_maps.softmax(found.logits)
    names = [LABELS[k] for k in of_classes.argmax(1)]

    def of(each: Any) -> Any:
        return each[0] if asked.single else each

    return Explanation(
        run,
        images=of(asked.pictures),
        labels=of(names),
        probabilities=of(of_classes),
        maps=of(cam.enlarge(shown, run.config.image_size)),
        targets=of(names if wanted is None else [LABELS[wanted]] * len(names)),
        method=method,
        stage=stage,
    )


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


def read(image: given.Given) -> np.ndarray:
    """One picture of `predict` as grey pixels, uint8 [height, width].

    Raises:
      UserError: as of `predict`.
    """
    pixels, notes = given.one(image)
    _warn(notes)
    return pixels


def _read(images: Several) -> Grey:
    asked = given.several(images)
    _warn(asked.notes)
    return asked


def _warn(notes: list[str]) -> None:
    for note in notes:
        warnings.warn(note, stacklevel=4)  # of who called a public function


def _class(target: str | int) -> int:
    """The index of a class that is given by name or by index."""
    if isinstance(target, (int, np.integer)) and 0 <= target < len(LABELS):
        return int(target)
    return LABELS.index(_known("target", target, LABELS))


def _known(what: str, value: str | int, known: tuple[str, ...]) -> str:
    """The value, if it is known.

    Raises:
      InvalidValueError: it is not.
    """
    if value not in known:
        raise InvalidValueError(
            f"{what} {value!r}: expected one of {', '.join(known)}{meant(str(value), known)}"
        )
    return str(value)


def _inputs(run: Finished, asked: Grey) -> np.ndarray:
    size = run.config.image_size
    stretched = np.stack([patches.resize(image, size) for image in asked.pictures])
    return normalization.normalize(stretched, run.statistics)
