"""Where the breast is on a film: apart from labels, the scanner's frame and dust."""

from typing import NamedTuple

import cv2
import numpy as np

from tfds_cbis.release.boxes import Box
from tfds_cbis.release.depth import eight_bit

#: A pixel brighter than this belongs to the breast; film outside it is black.
LEVEL = 20
#: Pixels of the longer side to which a film is reduced before the breast is looked for on it.
LOOKED_AT = 1024
#: What is thinner than this share of the film's shorter side is no breast: scratches, and bright
#: fog along an edge by which labels and the frame hang together with the breast.
THIN = 0.04
#: A line of pixels along an edge is the scanner's frame if this share of it is brighter than this
#: level. A frame takes at most this share of the film's side: on films of the release 2.4 %.
FRAME, FRAME_LEVEL, FRAME_WIDTH = 0.9, 50, 0.03
#: What is cut off besides where there is a frame, as a share of the side: it may be tilted.
FRAME_EDGE = 0.01
#: A region of a smaller share of the film is no breast, and a larger one is no breast alone.
LEAST, MOST = 0.01, 0.95
#: Why the whole film is taken for breast.
NOTHING, NO_EDGE = "no breast is found on it", "no edge of the breast is seen on it"


def bright(image: np.ndarray) -> np.ndarray:
    """Where a film may show breast: uint8 [height, width], 0 or 1.

    Args:
      image: uint8 [height, width].
    """
    return cv2.threshold(image, LEVEL, 1, cv2.THRESH_BINARY)[1]


def largest(regions: np.ndarray) -> np.ndarray:
    """The largest of the regions that hang together: uint8 [height, width], 0 or 1.

    Args:
      regions: uint8 [height, width], not 0 inside; all 0 gives all 0.
    """
    _, numbers, facts, _ = cv2.connectedComponentsWithStats(regions)
    if len(facts) < 2:
        return np.zeros_like(regions)
    return (numbers == facts[1:, cv2.CC_STAT_AREA].argmax() + 1).astype(np.uint8)


class Breast(NamedTuple):
    """Where the breast is.

    Attributes:
      region: uint8 [height, width], 1 in the breast, its holes and a thin rim around it, else 0.
      on_right: whether its chest wall is on the right of the film.
      note: why it is the whole film; '' where it is not.
    """

    region: np.ndarray
    on_right: bool
    note: str


def find(film: np.ndarray) -> Breast:
    """Finds the breast.

    Args:
      film: uint8 or uint16 [height, width], bright is dense.
    """
    levels = eight_bit(film)
    height, width = film.shape
    if (step := max(film.shape) / LOOKED_AT) > 1:
        small = (round(width / step), round(height / step))
        levels = cv2.resize(levels, small, interpolation=cv2.INTER_AREA)
    seen = bright(levels)
    if seen.mean() > MOST:
        return Breast(np.ones(film.shape, np.uint8), False, NO_EDGE)
    inner = _within_frame(levels)
    side = round(THIN * min(seen.shape)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    region = largest(cv2.morphologyEx(inner.crop(seen), cv2.MORPH_OPEN, kernel))
    if region.mean() < LEAST:
        return Breast(np.ones(film.shape, np.uint8), False, NOTHING)
    outlines, _ = cv2.findContours(region, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    region = cv2.dilate(cv2.drawContours(region, outlines, -1, 1, cv2.FILLED), kernel)
    found = np.zeros_like(seen)
    inner.crop(found)[:] = region
    # By its pixels and not by the table's LEFT and RIGHT: some films are mirrored.
    half = found.shape[1] // 2
    on_right = bool(found[:, :half].sum() < found[:, -half:].sum())
    # A frame lies over tissue at the chest wall, and a large breast looks like one there.
    if on_right:
        found[:, inner.x1 :] = found[:, inner.x1 - 1 : inner.x1]
    else:
        found[:, : inner.x0] = found[:, inner.x0 : inner.x0 + 1]
    found = cv2.resize(found, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    return Breast(found, on_right, "")


def _within_frame(film: np.ndarray) -> Box:
    """The part of a film inside the bright frame that scanners leave along its edges."""
    lit = film > FRAME_LEVEL
    height, width = film.shape

    def thickness(lines: np.ndarray) -> int:
        """How many of the lines from the edge inwards, bool [n, length], are frame."""
        nearest = lines[: round(FRAME_WIDTH * len(lines))].mean(1) >= FRAME
        count = int(np.flatnonzero(nearest).max(initial=-1)) + 1
        return count and count + round(FRAME_EDGE * len(lines))

    return Box(
        thickness(lit.T),
        thickness(lit),
        width - thickness(lit.T[::-1]),
        height - thickness(lit[::-1]),
    )
