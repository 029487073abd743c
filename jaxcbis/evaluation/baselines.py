"""Maps that have seen no image: what a model's maps must beat before they say anything."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

ALL_ONES, CENTRED_GAUSSIAN = "all_ones", "centred_gaussian"


def of(masks: NDArray, items: NDArray, grid: int, seed: int) -> dict[str, Iterator[NDArray]]:
    """One map of every kind for each of some samples.

    Args:
      masks: bool [n, side, side].
      items: int [k], which of them.
      grid: side of the model's maps before they are enlarged.
      seed: of the random maps.

    Returns:
      By name float32 [side, side], one by one:

      - all_ones: hot everywhere.
      - centred_gaussian: of `centred_gaussian`.
      - random: uniform noise on the model's grid, enlarged.
      - grid_ceiling: the mask itself, averaged to the grid and enlarged: the most that a map of
        that resolution can be expected to reach.
    """
    side = masks.shape[1]
    ones, gaussian = np.ones((side, side), np.float32), centred_gaussian(side)
    noise = np.random.default_rng(seed)

    def enlarged(coarse: NDArray) -> NDArray:
        return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR)

    def averaged(mask: NDArray) -> NDArray:
        return cv2.resize(mask.astype(np.float32), (grid, grid), interpolation=cv2.INTER_AREA)

    return {
        ALL_ONES: (ones for _ in items),
        CENTRED_GAUSSIAN: (gaussian for _ in items),
        "random": (enlarged(noise.random((grid, grid), dtype=np.float32)) for _ in items),
        "grid_ceiling": (enlarged(averaged(masks[i])) for i in items),
    }


def centred_gaussian(side: int) -> NDArray:
    """A map [side, side] that knows only where crops have their lesions; deviation side / 4."""
    offset = np.arange(side, dtype=np.float32) - (side - 1) / 2
    profile = np.exp(-0.5 * (offset / (side / 4)) ** 2)
    return np.outer(profile, profile)
