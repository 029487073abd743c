"""Where background crops lie: how many per view, and their places in a mammogram."""

import bisect
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from tfds_cbis import breast
from tfds_cbis.protocols import Protocol
from tfds_cbis.release.boxes import Box

#: Two crops of one view share at most this part of a crop.
MAX_OVERLAP = 0.5
#: Places are tried on a grid of this many steps per crop side, if nothing else is said.
STEPS = 10


def allotment(view_ids: Iterable[str], total: int, seed: str) -> dict[str, int]:
    """Spreads a number of crops evenly over views.

    Args:
      view_ids: the views that may give crops.
      total: crops wanted.
      seed: decides, with its id only, which views give one more than others.

    Returns:
      Crops per view id; they add up to `total` if there is a view.
    """
    order = sorted(set(view_ids), key=lambda view_id: _digest(f"{seed}/{view_id}"))
    if not order:
        return {}
    each, rest = divmod(total, len(order))
    return {view_id: each + (place < rest) for place, view_id in enumerate(order)}


def shared_out(
    sides: Iterable[int], room: Mapping[str, int], seed: str
) -> tuple[dict[str, list[int]], list[int]]:
    """Gives every crop to a view where it fits, largest first.

    Of the views that have room, the one with the fewest crops so far takes it. If a large crop were
    lost because its view is too small, the size of a crop would give its class away.

    Args:
      sides: of the crops in pixels.
      room: of each view id the largest side that fits.
      seed: decides, with its id only, which of two views comes first.

    Returns:
      Sides per view id, largest first, and those that fit nowhere.
    """
    order = sorted(room, key=lambda view_id: _digest(f"{seed}/{view_id}"))
    taken: dict[str, list[int]] = {view_id: [] for view_id in order}
    left = []
    for side in sorted(sides, reverse=True):
        fitting = [view_id for view_id in order if room[view_id] >= side]
        if fitting:
            taken[min(fitting, key=lambda view_id: len(taken[view_id]))].append(side)
        else:
            left.append(side)
    return taken, left


def sizes(lesion_sides: Sequence[int], count: int, seed: str) -> list[int]:
    """Draws the sides of background crops from those of lesion crops, with replacement.

    Args:
      lesion_sides: in pixels, in any order.
      count: sides wanted; none where there is no lesion.
      seed: the data set's version.
    """
    if not lesion_sides:
        return []
    return generator(f"{seed}/sizes").choice(sorted(lesion_sides), count).tolist()


class SummedAreas(NamedTuple):
    """Summed-area tables of a mammogram, from which those of any window follow.

    Attributes:
      breast: int32 [height + 1, width + 1], of the pixels that show breast.
      lesions: int32 [height + 1, width + 1], of those that belong to a lesion.
    """

    breast: np.ndarray
    lesions: np.ndarray


def summed_areas(image: np.ndarray, lesions: np.ndarray) -> SummedAreas:
    """Sums up where there is breast and where there are lesions.

    Args:
      image: uint8 [height, width].
      lesions: union of all known lesion masks, uint8 [height, width].
    """
    lit = breast.bright(image)
    return SummedAreas(cv2.integral(lit), cv2.integral((lesions > 0).astype(np.uint8)))


# Seven parameters: what a crop is like, and where it may lie.
def places(
    areas: SummedAreas,
    protocol: Protocol,
    *,
    size: int,
    count: int,
    seed: str,
    taken: Sequence[Box] = (),
    steps: int = STEPS,
) -> list[Box]:
    """Draws square crops that show breast and no lesion.

    The first is drawn at random; each further one is drawn among those places that overlap the
    crops so far least.

    Args:
      areas: of the mammogram.
      protocol: how much breast a crop shows at least, and how far from a lesion it keeps.
      size: side of a crop in pixels.
      count: crops wanted.
      seed: decides the draw: the data set's version and the view's id.
      taken: crops that the view has given already.
      steps: of the grid per crop side.

    Returns:
      At most `count` boxes; fewer where no more fit.
    """
    if count < 1 or size >= min(areas.breast.shape):
        return []
    y, x = _free_corners(areas, protocol, size, max(1, size // steps), seed)

    def shared_with(box: Box) -> np.ndarray:
        wide = np.minimum(x + size, box.x1) - np.maximum(x, box.x0)
        high = np.minimum(y + size, box.y1) - np.maximum(y, box.y0)
        return np.maximum(wide, 0) * np.maximum(high, 0)

    overlap = np.zeros(len(y), np.int64)
    for box in taken:
        overlap = np.maximum(overlap, shared_with(box))
    chosen: list[Box] = []
    while len(chosen) < count and len(y):
        best = int(np.argmin(overlap))
        if overlap[best] > MAX_OVERLAP * size * size:
            break
        x0, y0 = int(x[best]), int(y[best])
        chosen.append(Box(x0, y0, x0 + size, y0 + size))
        overlap = np.maximum(overlap, shared_with(chosen[-1]))
    return chosen


def room(areas: SummedAreas, protocol: Protocol, seed: str) -> int:
    """The largest side in pixels of a crop that `places` finds a place for, 0 if there is none.

    By bisection: where a crop fits, smaller ones fit too, though a few of them only on a finer grid
    than that of `STEPS`.
    """
    sides = range(1, min(areas.breast.shape))
    return bisect.bisect_left(
        sides,
        True,
        key=lambda side: not places(areas, protocol, size=side, count=1, seed=seed),
    )


def _free_corners(
    areas: SummedAreas, protocol: Protocol, size: int, step: int, seed: str
) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the upper left corners where a crop may lie, in random order."""
    height, width = (length - 1 for length in areas.breast.shape)
    rng = generator(seed)
    top, left = (
        np.arange(rng.integers(min(step, side - size + 1)), side - size + 1, step)
        for side in (height, width)
    )
    free = _window_sums(areas.breast, top, left, size) >= protocol.breast * size * size
    distance = round(protocol.margin * size)
    free &= _window_sums(areas.lesions, top, left, size, distance) == 0
    rows, columns = np.nonzero(free)
    order = rng.permutation(len(rows))
    return top[rows[order]], left[columns[order]]


def _window_sums(
    table: np.ndarray, rows: np.ndarray, columns: np.ndarray, size: int, margin: int = 0
) -> np.ndarray:
    """Sums of the size x size windows at each of rows x columns, wider by a margin all around."""
    height, width = (length - 1 for length in table.shape)
    upper, left = np.maximum(rows - margin, 0), np.maximum(columns - margin, 0)
    lower = np.minimum(rows + size + margin, height)
    right = np.minimum(columns + size + margin, width)
    upper, lower = table[upper], table[lower]
    return lower[:, right] - lower[:, left] - upper[:, right] + upper[:, left]


def generator(seed: str) -> np.random.Generator:
    """Random numbers that hang on a text alone."""
    return np.random.default_rng(int.from_bytes(_digest(seed)[:8], "little"))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
