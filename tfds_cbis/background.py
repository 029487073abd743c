"""Where background crops lie: how many per view, and their places in a mammogram."""

import hashlib
from collections.abc import Iterable

import cv2
import numpy as np

from tfds_cbis.roi import Box

#: Background crops per lesion in the paper's Table I.
PER_LESION = {"train": 644 / 1886, "test": 310 / 547}
#: A pixel brighter than this belongs to the breast; film outside it is black.
BREAST_LEVEL = 20
#: Least share of a crop's pixels that must be breast.
MIN_BREAST = 0.5
#: Two crops of one view share at most this part of a crop.
MAX_OVERLAP = 0.5
#: Places are tried on a grid of this many steps per crop side.
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
    order = sorted(set(view_ids), key=lambda view_id: _digest(seed, view_id))
    if not order:
        return {}
    each, rest = divmod(total, len(order))
    return {view_id: each + (place < rest) for place, view_id in enumerate(order)}


def places(
    image: np.ndarray, lesions: np.ndarray, *, size: int, count: int, seed: str, view_id: str
) -> list[Box]:
    """Draws square crops that show breast and no lesion.

    The first is drawn at random; each further one is drawn among those places that overlap the
    crops so far least. The draw depends on the seed and the view's id alone.

    Args:
        image: mammogram, uint8 [height, width].
        lesions: union of all known lesion masks, uint8 [height, width].
        size: side of a crop in pixels.
        count: crops wanted.
        seed: the data set's version.
        view_id: the view's name.

    Returns:
        At most `count` boxes; fewer where no more fit.
    """
    height, width = image.shape
    if count < 1 or size > min(height, width):
        return []
    rng = np.random.default_rng(int.from_bytes(_digest(seed, view_id)[:8], "little"))
    step = max(1, size // STEPS)
    top, left = (
        np.arange(rng.integers(min(step, side - size + 1)), side - size + 1, step)
        for side in (height, width)
    )
    breast = cv2.threshold(image, BREAST_LEVEL, 1, cv2.THRESH_BINARY)[1]
    free = _window_sums(breast, top, left, size) >= MIN_BREAST * size * size
    free &= _window_sums((lesions > 0).astype(np.uint8), top, left, size) == 0
    rows, columns = np.nonzero(free)
    order = rng.permutation(len(rows))
    y, x = top[rows[order]], left[columns[order]]
    overlap = np.zeros(len(y), np.int64)
    chosen: list[Box] = []
    while len(chosen) < count and len(y):
        best = int(np.argmin(overlap))
        if overlap[best] > MAX_OVERLAP * size * size:
            break
        x0, y0 = int(x[best]), int(y[best])
        chosen.append(Box(x0, y0, x0 + size, y0 + size))
        shared = np.maximum(size - abs(x - x0), 0) * np.maximum(size - abs(y - y0), 0)
        overlap = np.maximum(overlap, shared)
    return chosen


def _window_sums(image: np.ndarray, rows: np.ndarray, columns: np.ndarray, size: int) -> np.ndarray:
    """Sums of the size x size windows that start at each of rows x columns."""
    table = cv2.integral(image)
    upper, lower = table[rows], table[rows + size]
    return (
        lower[:, columns + size] - lower[:, columns] - upper[:, columns + size] + upper[:, columns]
    )


def _digest(seed: str, view_id: str) -> bytes:
    return hashlib.sha256(f"{seed}/{view_id}".encode()).digest()
