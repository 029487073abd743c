"""Where background crops lie: how many per view, and their places in a mammogram."""

import hashlib
from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from tfds_cbis.roi import Box

#: Background crops per lesion in the paper's Table I.
PER_LESION = {"train": 644 / 1886, "test": 310 / 547}
#: A pixel brighter than this belongs to the breast; film outside it is black.
BREAST_LEVEL = 20
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


def sizes(lesion_sides: Sequence[int], count: int, seed: str) -> list[int]:
    """Draws the sides of background crops from those of lesion crops, with replacement.

    Args:
        lesion_sides: in pixels, in any order.
        count: sides wanted; none where there is no lesion.
        seed: the data set's version.
    """
    if not lesion_sides:
        return []
    rng = np.random.default_rng(int.from_bytes(_digest(seed, "sizes")[:8], "little"))
    return rng.choice(sorted(lesion_sides), count).tolist()


def places(
    image: np.ndarray,
    lesions: np.ndarray,
    *,
    size: int,
    count: int,
    seed: str,
    view_id: str,
    breast: float,
    margin: float = 0,
    taken: Sequence[Box] = (),
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
        breast: least share of a crop's pixels that must be breast.
        margin: least distance to a lesion, as a share of `size`.
        taken: crops that the view has given already.

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
    tissue = cv2.threshold(image, BREAST_LEVEL, 1, cv2.THRESH_BINARY)[1]
    free = _window_sums(tissue, top, left, size) >= breast * size * size
    near = (lesions > 0).astype(np.uint8)
    free &= _window_sums(near, top, left, size, round(margin * size)) == 0
    rows, columns = np.nonzero(free)
    order = rng.permutation(len(rows))
    y, x = top[rows[order]], left[columns[order]]

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


def _window_sums(
    image: np.ndarray, rows: np.ndarray, columns: np.ndarray, size: int, margin: int = 0
) -> np.ndarray:
    """Sums of the size x size windows at each of rows x columns, wider by a margin all around."""
    table = cv2.integral(image)
    height, width = image.shape
    upper, left = np.maximum(rows - margin, 0), np.maximum(columns - margin, 0)
    lower = np.minimum(rows + size + margin, height)
    right = np.minimum(columns + size + margin, width)
    upper, lower = table[upper], table[lower]
    return lower[:, right] - lower[:, left] - upper[:, right] + upper[:, left]


def _digest(seed: str, view_id: str) -> bytes:
    return hashlib.sha256(f"{seed}/{view_id}".encode()).digest()
