"""A run's answers to the shifted test set, intact and covered, and how each map meets its mask."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jaxcbis.data import normalization
from jaxcbis.data.patches import Patches
from jaxcbis.evaluation import activation_maps, cam, localization, overlap
from jaxcbis.evaluation.activation_maps import Maps
from jaxcbis.evaluation.covering import Covered
from jaxcbis.labels import BACKGROUND, LABELS
from jaxcbis.runs import answers
from jaxcbis.runs.answers import maps_of
from jaxcbis.runs.finished import Finished

#: Share of a map's maximum behind `ll_score`, the same for all runs.
THRESHOLD = 0.5


class Look(NamedTuple):
    """What a run says of the test set, and where it looks.

    Attributes:
      maps: of the predicted classes, [n, g, g].
      probabilities: float64 [n, classes] of the intact patches.
      covered, elsewhere: float64 [k, classes] of the lesions of `Covered.items`, covered, and
        covered elsewhere.
      threshold: of `threshold_from_validation`.
      figures: by name float64 [m], of every lesion's map and mask, see `figures`.
    """

    maps: NDArray
    probabilities: NDArray
    covered: NDArray
    elsewhere: NDArray
    threshold: float | None
    figures: dict[str, NDArray]


def ask(
    run: Finished, test: Patches, validation: Patches, covered: Covered, known: Maps | None
) -> Look:
    """Asks a run, with its own statistics, about patches of the shifted cut.

    Args:
      run: by any protocol.
      test, validation: of the shifted protocol.
      covered: the test lesions, covered.
      known: the run's maps of the test patches, if they were made already.
    """

    def told(images: NDArray) -> NDArray:
        if not len(images):
            return np.empty((0, len(LABELS)))
        return answers.probabilities(run, normalization.normalize(images, run.statistics))

    found = known or maps_of(run, test)
    threshold = threshold_from_validation(run, validation)
    lesions = test.labels != BACKGROUND
    return Look(
        found.maps,
        activation_maps.softmax(found.logits),
        told(covered.covered),
        told(covered.elsewhere),
        threshold,
        figures(cam.enlarge(found.maps[lesions], test.masks.shape[1]), test, threshold),
    )


def threshold_from_validation(run: Finished, validation: Patches) -> float | None:
    """The share of a map's maximum at which the run's maps meet the validation masks best.

    A run by the shifted protocol has chosen it itself; another one is asked here, or it would come
    with a threshold for lesions of another size. None without a validation lesion that it
    classifies correctly.
    """
    located = run.results["localization"]
    if not run.config.centred and "threshold_from_validation" in located:
        return located["threshold_from_validation"]
    found = maps_of(run, validation)
    return localization.best_threshold(validation, found.logits.argmax(1), found.maps)


def figures(heats: Iterable[NDArray], test: Patches, threshold: float | None) -> dict[str, NDArray]:
    """How maps meet the masks of the test lesions, lesion by lesion.

    Args:
      heats: a map [size, size] for every lesion, in the order of the test patches.
      test: the patches.
      threshold: behind `ll_score_from_validation`; without one that is NaN.

    Returns:
      float64 [m] each: ll_score (IoU at THRESHOLD), ll_score_from_validation, pointing_game,
      energy_in_mask and pixel_ap, as of `overlap`; NaN where the mask is empty.
    """
    masks = test.masks[test.labels != BACKGROUND]
    rows = [
        (
            overlap.iou(heat, mask, THRESHOLD),
            np.nan if threshold is None else overlap.iou(heat, mask, threshold),
            overlap.pointing_game(heat, mask),
            overlap.energy_in_mask(heat, mask),
            overlap.pixel_average_precision(heat, mask),
        )
        for heat, mask in zip(heats, masks, strict=True)
    ]
    names = (
        "ll_score", "ll_score_from_validation", "pointing_game", "energy_in_mask", "pixel_ap",
    )  # fmt: skip
    columns = np.array(rows, np.float64).reshape(-1, len(names)).T
    columns[:, ~masks.any((1, 2))] = np.nan
    return dict(zip(names, columns, strict=True))
