"""Maps made without a model: what a model's maps must beat before they say anything."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from jaxcbis.data.patches import Patches, averaged
from jaxcbis.labels import BACKGROUND

ALL_ONES, CENTRED_GAUSSIAN = "all_ones", "centred_gaussian"
MEAN_TRAINING_MASK, BLURRED_BRIGHTNESS = "mean_training_mask", "blurred_brightness"


def of(
    test: Patches, items: NDArray, grid: int, seed: int, mean_mask: NDArray | None = None
) -> dict[str, Iterator[NDArray]]:
    """One map of every kind for each of some samples.

    Args:
      test: patches, of which the images and masks count.
      items: int [k], which of them.
      grid: side of the model's maps before they are enlarged.
      seed: of the random maps.
      mean_mask: of `mean_mask`.

    Returns:
      By name float32 [side, side], one by one:

      - all_ones: hot everywhere.
      - centred_gaussian: of `centred_gaussian`.
      - mean_training_mask: `mean_mask`; left out without one.
      - blurred_brightness: the patch itself, hot where tissue is dense, and blurred by a Gaussian
        whose deviation is half a cell of the grid. Averaging to the grid and enlarging blur as
        much, by variances of 1/12 and 1/6 of a cell's square: it is as coarse as a model's map.
      - random: uniform noise on the model's grid, enlarged.
      - grid_ceiling: the mask itself, averaged to the grid and enlarged. It knows where the lesion
        is and is as coarse as a model's map; another map of that grid may still score higher.
    """
    masks = test.masks
    side = masks.shape[1]
    ones, gaussian = np.ones((side, side), np.float32), centred_gaussian(side)
    noise = np.random.default_rng(seed)

    def enlarged(coarse: NDArray) -> NDArray:
        return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR)

    def blurred(image: NDArray) -> NDArray:
        return cv2.GaussianBlur(image.astype(np.float32), (0, 0), side / grid / 2)

    known = {} if mean_mask is None else {MEAN_TRAINING_MASK: (mean_mask for _ in items)}
    return {
        ALL_ONES: (ones for _ in items),
        CENTRED_GAUSSIAN: (gaussian for _ in items),
        **known,
        BLURRED_BRIGHTNESS: (blurred(test.images[i]) for i in items),
        "random": (enlarged(noise.random((grid, grid), dtype=np.float32)) for _ in items),
        "grid_ceiling": (enlarged(averaged(masks[i], grid)) for i in items),
    }


def mean_mask(train: Patches) -> NDArray[np.float32] | None:
    """How often each pixel lies in a lesion with a mask, [side, side]; None without any."""
    masks = train.masks[(train.labels != BACKGROUND) & train.masks.any((1, 2))]
    return (masks.sum(0) / len(masks)).astype(np.float32) if len(masks) else None


def centred_gaussian(side: int) -> NDArray:
    """A map [side, side] that knows only where crops have their lesions; deviation side / 4."""
    offset = np.arange(side, dtype=np.float32) - (side - 1) / 2
    profile = np.exp(-0.5 * (offset / (side / 4)) ** 2)
    return np.outer(profile, profile)
