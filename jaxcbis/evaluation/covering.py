"""Whether a model needs the lesion: what it says where the lesion is covered, or as much elsewhere.

A lesion is filled in from its surroundings, see `inpainting`. The control is the same shape filled
in in the same way at another place of the same patch: a model that answers by the lesion itself
loses its answer with the lesion alone, one that answers by the rest, or is put off by any filling,
does not.
"""

import zlib
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from jaxcbis.data.patches import Patches
from jaxcbis.evaluation import bootstrap
from jaxcbis.evaluation.inpainting import fill, grown
from jaxcbis.labels import BACKGROUND

#: Pixels that are filled in beyond a mask: the lesion's rim.
RIM = 2


class Covered(NamedTuple):
    """Lesions that were covered, each with its control.

    Attributes:
      items: int [k], which of the patches.
      covered: [k, size, size], without their lesions; of the type of the patches' images.
      elsewhere: the same, with as much filled in elsewhere and the lesion as it was.
    """

    items: NDArray
    covered: NDArray
    elsewhere: NDArray


class Answers(NamedTuple):
    """What a model says of covered lesions.

    Attributes:
      images: what it saw.
      covered, elsewhere: float64 [k, classes], probabilities of the images of the same names.
    """

    images: Covered
    covered: NDArray
    elsewhere: NDArray


def cover(patches: Patches, seed: int) -> Covered:
    """Covers every lesion that has as much room beside it.

    Args:
      patches: with their masks.
      seed: of the noise and of the control's place. The same seed gives a patch the same pixels by
        its id, whatever stands beside it.
    """
    items, pairs = [], []
    for i in np.flatnonzero(patches.labels != BACKGROUND):
        rng = np.random.default_rng([seed, zlib.crc32(str(patches.ids[i]).encode())])
        if pair := _pair(patches.images[i], patches.masks[i], rng):
            items.append(i)
            pairs.append(pair)
    images = np.array(pairs, patches.images.dtype).reshape(-1, 2, *patches.images.shape[1:])
    return Covered(np.array(items, int), images[:, 0], images[:, 1])


def _pair(
    image: NDArray, mask: NDArray, rng: np.random.Generator
) -> tuple[NDArray, NDArray] | None:
    """An image with its lesion covered and with as much covered elsewhere, if there is room."""
    lesion = grown(mask, RIM)
    place = _elsewhere(lesion, rng)
    if place is None:
        return None
    one, two = (_rounded(fill(image, at, ~lesion, rng), image.dtype) for at in (lesion, place))
    return one, two


def _elsewhere(region: NDArray, rng: np.random.Generator) -> NDArray | None:
    """The same shape at another place where it lies wholly inside and does not touch the first."""
    if not region.any():
        return None
    left, top, width, height = cv2.boundingRect(region.astype(np.uint8))
    shape = region[top : top + height, left : left + width]
    taken = grown(region, 1).astype(np.float32)
    shared = cv2.matchTemplate(taken, shape.astype(np.float32), cv2.TM_CCORR)  # pixels, by place
    places = np.argwhere(shared < 0.5)
    if not len(places):
        return None
    top, left = places[rng.integers(len(places))]
    moved = np.zeros_like(region)
    moved[top : top + height, left : left + width] = shape
    return moved


def _rounded(image: NDArray, dtype: np.dtype) -> NDArray:
    return np.rint(image).clip(0, np.iinfo(dtype).max).astype(dtype)


def score(patches: Patches, intact: NDArray, answers: Answers) -> dict:
    """How well lesions are told from background before and after they are covered.

    The score of a patch is 1 - p(background); the area under its ROC curve is taken of the lesions
    that were covered against all background, three times with the same patches.

    Args:
      patches: of which labels and patients count.
      intact: float64 [n, classes], probabilities of the patches as they are.
      answers: of the same model.

    Returns:
      The `covering` object of results.json: n and n_background, how many there are; lesion_auc_X
      and lesion_auc_X_ci95 for X of intact, covered and elsewhere; covered_less_intact,
      elsewhere_less_intact and covered_less_elsewhere, each {difference, ci95}. Intervals are those
      of a bootstrap over whole patients, of differences a paired one. With no lesion or no
      background all are None.
    """
    items = answers.images.items
    background = np.flatnonzero(patches.labels == BACKGROUND)
    chosen = np.concatenate([items, background])
    lesion = np.arange(len(chosen)) < len(items)
    samples = bootstrap.draw(patches.patients)
    times = None if samples is None else samples[:, chosen]
    told = {
        "intact": intact[items], "covered": answers.covered, "elsewhere": answers.elsewhere
    }  # fmt: skip
    scores = {
        # Without the 1, as in `metrics.classification`.
        name: -np.concatenate([of, intact[background]])[:, BACKGROUND]
        for name, of in told.items()
    }
    found: dict = {"n": len(items), "n_background": len(background)}
    for name, of in scores.items():
        key = f"lesion_auc_{name}"
        found[key], found[f"{key}_ci95"] = bootstrap.auc_with_interval(of, lesion, times)
    for pair in (("covered", "intact"), ("elsewhere", "intact"), ("covered", "elsewhere")):
        less: dict = {"difference": None, "ci95": None}
        if found["lesion_auc_intact"] is not None:
            one, two = (found[f"lesion_auc_{of}"] for of in pair)
            less["difference"] = one - two
            if times is not None:
                drawn = (bootstrap.auc(scores[of], lesion, times) for of in pair)
                less["ci95"] = bootstrap.interval_of_difference(np.subtract(*drawn))
        found["_less_".join(pair)] = less
    return found
