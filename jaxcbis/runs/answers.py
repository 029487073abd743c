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
    """Class probabilities of pictures of patches, see `jaxcbis.predict`."""
    require(run)
    asked = read_all(images)
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
    """Class probabilities of pictures of patches and their maps, see `jaxcbis.explain`."""
    require(run)
    method = known("method", method or run.config.cam_method, tuple(CAM_METHODS))
    stages = tuple(run.model.stages)
    stage = known("stage", stage or run.config.cam_stage or stages[-1], stages)
    wanted = None if target is None else _class(target)
    asked = read_all(images)
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
    _warn(notes, 4)
    return pixels


def read_all(images: Several) -> Grey:
    """Pictures of `predict` as grey pixels.

    Raises:
      UserError: as of `predict`.
    """
    asked = given.several(images)
    _warn(asked.notes, 5)
    return asked


def _warn(notes: list[str], level: int) -> None:
    """Warns of what had to be assumed at the line that called a public function, so far above."""
    for note in notes:
        warnings.warn(note, stacklevel=level)


def _class(target: str | int) -> int:
    """The index of a class that is given by name or by index."""
    if isinstance(target, (int, np.integer)) and 0 <= target < len(LABELS):
        return int(target)
    return LABELS.index(known("target", target, LABELS))


def known(what: str, value: str | int, known: tuple[str, ...]) -> str:
    """The value of an argument, if it is known.

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
