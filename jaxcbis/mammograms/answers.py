"""The answers of a mammogram run: how likely each is malignant, and where it looks."""

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from jaxcbis.data import mammograms
from jaxcbis.data.given import Grey, Several
from jaxcbis.errors import InvalidValueError
from jaxcbis.evaluation import activation_maps, cam
from jaxcbis.mammograms.explanation import MammogramExplanation, doubt
from jaxcbis.mammograms.finished import FinishedMammogram
from jaxcbis.models import whole_image
from jaxcbis.models.inference import Track, untracked
from jaxcbis.models.model import Model
from jaxcbis.runs.answers import known, read_all

if TYPE_CHECKING:
    from tfds_cbis.view_cut import ViewCut

#: Steps along rows and columns of a view as it is, mirrored, upside down, and both.
FLIPS = ((1, 1), (1, -1), (-1, 1), (-1, -1))


def predict(run: FinishedMammogram, images: Several) -> np.ndarray:
    """Probabilities of malignancy of mammograms, see `jaxcbis.predict`."""
    asked = read_all(images)
    cuts = _cuts(run, asked)
    for number, each in enumerate(cuts):
        if each.note:
            warnings.warn(f"{_which(asked, number)}{doubt(each.note)}", stacklevel=3)
    found = of_views(run, np.stack([each.image for each in cuts]))
    return found[0] if asked.single else found


def explain(
    run: FinishedMammogram,
    images: Several,
    *,
    target: str | int | None = None,
    method: str | None = None,
    stage: str | None = None,
) -> MammogramExplanation:
    """Probabilities of malignancy of mammograms and the maps behind, see `jaxcbis.explain`."""
    if target is not None:
        raise InvalidValueError(
            f"target {target!r}: a mammogram run has one output, 'malignant', which its maps are "
            "of; leave it out"
        )
    method = known("method", method or "gradcam", tuple(cam.METHODS))
    for model in run.models:
        known("stage", stage or whole_image.mapped(model), model.stages[1:])
    asked = read_all(images)
    cuts = _cuts(run, asked)
    views = np.stack([each.image for each in cuts])
    coarse = maps(run.models, views, method=method, stage=stage)
    heat = cam.enlarge(coarse, (run.config.height, run.config.width))

    def of(each: Any) -> Any:
        return each[0] if asked.single else each

    return MammogramExplanation(
        run,
        images=of(asked.pictures),
        views=of(views),
        boxes=of(np.array([each.box for each in cuts], np.int32)),
        flipped=of(np.array([each.flipped for each in cuts])),
        notes=of([each.note for each in cuts]),
        probabilities=of(of_views(run, views)),
        maps=of(heat),
        method=method,
        stage=" and ".join(dict.fromkeys(stage or whole_image.mapped(each) for each in run.models)),
    )


def of_views(run: FinishedMammogram, views: np.ndarray) -> np.ndarray:
    """Probabilities of malignancy float64 [n] of cut views, by all that the run averages.

    Args:
      run: of `finished.load`.
      views: uint8 or uint16 [n, height, width].
    """
    return probabilities(run.models, views, flips=run.config.test_time_flips)


def probabilities(
    models: Sequence[Model], views: np.ndarray, *, flips: bool = False, track: Track = untracked
) -> np.ndarray:
    """Probabilities of malignancy, the mean of those of all models and flips.

    Args:
      models: a run's members.
      views: uint8 or uint16 [n, height, width].
      flips: whether each view is asked about in the four ways of `FLIPS`.
      track: shows how far it is.

    Returns:
      float64 [n].
    """
    return np.mean([by_flip(model, views, flips=flips, track=track) for model in models], (0, 1))


def by_flip(
    model: Model, views: np.ndarray, *, flips: bool, track: Track = untracked
) -> np.ndarray:
    """Probabilities of malignancy by one model, of the views as they are and then flipped.

    Args:
      model: one of a run's members.
      views, flips, track: as of `probabilities`.

    Returns:
      float64 [ways, n], in the order of `FLIPS`; without flips one way.
    """
    ways = [views[:, ::rows, ::columns] for rows, columns in (FLIPS if flips else FLIPS[:1])]
    return np.stack([_malignancy(model, way, track) for way in ways])


def maps(
    models: Sequence[Model],
    views: np.ndarray,
    track: Track = untracked,
    *,
    method: str = "gradcam",
    stage: str | None = None,
) -> np.ndarray:
    """Maps of what speaks for malignancy: the mean of the models', each over its maximum.

    Models of several backbones may have cells of several sizes: then all are enlarged to the
    smallest of them.

    Args:
      models: a run's members.
      views: uint8 or uint16 [n, height, width].
      track: shows how far it is.
      method: of `cam.METHODS`.
      stage: whose output is mapped; each model's `whole_image.mapped` if None.

    Returns:
      float32 [n, h, w], as coarse as the stage's finest output, from 0 to 1; all zero where nothing
      speaks for malignancy.
    """
    found = [
        activation_maps.maps(
            model, views[..., None], track, method=method, stage=stage or whole_image.mapped(model)
        ).maps
        for model in models
    ]
    finest = max((each.shape[1:] for each in found), key=math.prod)
    return np.mean([_scaled(cam.enlarge(each, finest)) for each in found], axis=0)


def _scaled(heat: np.ndarray) -> np.ndarray:
    """Maps [n, h, w], each over its maximum."""
    highest = heat.max(axis=(1, 2), keepdims=True)
    return heat / np.where(highest > 0, highest, 1)


def _cuts(run: FinishedMammogram, asked: Grey) -> "list[ViewCut]":
    """The breast of each picture, cut out as the views that the run learned from were cut.

    Raises:
      InvalidValueError: one has none.
    """
    from tfds_cbis import breast  # here: its package loads TFDS

    cuts = []
    for number, picture in enumerate(asked.pictures):
        cuts.append(mammograms.cut(picture, run.config.height, run.config.width))
        if cuts[-1].note == breast.NOTHING:
            raise InvalidValueError(
                f"{_which(asked, number)}{breast.NOTHING}; expected a whole mammogram, bright "
                "where it is dense"
            )
    return cuts


def _which(asked: Grey, number: int) -> str:
    """What stands in front of a line on one of several pictures."""
    return "" if asked.single else f"image {number}: "


def _malignancy(model: Model, views: np.ndarray, track: Track) -> np.ndarray:
    logits = activation_maps.logits(model, views[..., None], track)
    return np.asarray(jax.nn.sigmoid(logits[:, 0]), np.float64)
