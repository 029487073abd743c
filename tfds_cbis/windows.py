"""Windows on a lesion: what is cut of a mammogram for it, once or several times."""

import math
from typing import NamedTuple

import numpy as np

from tfds_cbis import background
from tfds_cbis.films import Film
from tfds_cbis.protocols import Protocol
from tfds_cbis.release.boxes import Box, lesion_box
from tfds_cbis.release.depth import eight_bit
from tfds_cbis.release.images import Unusable

#: A window is drawn at most this often; then the best draw is taken.
DRAWS = 60


class Window(NamedTuple):
    """A window on a lesion.

    Attributes:
      number: among the lesion's windows, from 1.
      box: in pixels of the mammogram.
      lack: in what it falls short of its protocol; '' if it does not.
    """

    number: int
    box: Box
    lack: str = ""


def name(of: str, number: int) -> str:
    """The id of the window of a lesion or of a background crop; the first one has its plain id."""
    return of if number == 1 else f"{of}_window_{number}"


def of_lesion(
    film: Film, lesion: str, protocol: Protocol, *, count: int, seed: str
) -> list[Window]:
    """The windows on a lesion.

    Each is drawn by its own seed, so that the first ones are the same whatever their count.

    Args:
      film: with the masks of all lesions of the view where the protocol draws windows.
      lesion: id of one that has a mask.
      protocol: how patches are cut; one that draws nothing at random gives one window.
      count: windows wanted where they are drawn.
      seed: the data set's version.

    Raises:
      Unusable: the mammogram is too small for any window on the lesion.
    """
    mask = film.masks[lesion]
    if protocol.shares is None:
        return [Window(1, protocol.lesion_crop(mask))]
    areas = background.summed_areas(eight_bit(film.image), film.covered(but=lesion))
    box = lesion_box(mask)
    hidden = next((other for other in film.unusable if other != lesion), "")
    unseen = hidden and f"perhaps a lesion without a usable mask: {hidden}"
    windows = []
    for number in range(1, count + 1):
        window, lack = draw(box, areas, protocol, f"{seed}/{name(lesion, number)}")
        windows.append(Window(number, window, lack or unseen))
    return windows


def draw(box: Box, areas: background.SummedAreas, protocol: Protocol, seed: str) -> tuple[Box, str]:
    """Draws a square window around a lesion.

    The share that the lesion's longer side takes of the window's is uniform in the protocol's
    bounds, as far as the window fits the mammogram; its place is uniform where the lesion lies
    wholly inside it and it lies wholly inside the mammogram. The first draw is taken that shows
    enough breast and no other lesion; failing that, the one without another lesion that shows most
    breast; failing that, the one that shows most breast.

    Args:
      box: of the lesion.
      areas: of the mammogram, with all its lesions but this one.
      protocol: with `shares`.
      seed: decides the draws.

    Returns:
      The window, and in what it falls short, '' if it does not.

    Raises:
      Unusable: the mammogram is too small for any.
    """
    assert protocol.shares
    low, high = protocol.shares
    height, width = (length - 1 for length in areas.breast.shape)
    longer = max(box.x1 - box.x0, box.y1 - box.y0)
    smallest, largest = math.ceil(longer / high), min(math.floor(longer / low), height, width)
    if smallest > largest:
        raise Unusable(f"too large for a window of the mammogram's {width} x {height} pixels")
    # Shares of windows too large for the mammogram would be drawn again, so none is drawn.
    low = max(low, longer / largest)
    share, across, down = background.generator(seed).random((DRAWS, 3)).T
    side = np.rint(longer / (low + share * (high - low))).astype(int).clip(smallest, largest)
    x, y = _first(across, box.x0, box.x1, side, width), _first(down, box.y0, box.y1, side, height)
    breast = _sums(areas.breast, x, y, side) / side**2
    other = _sums(areas.lesions, x, y, side) > 0
    # Sorted stably: the first of several.
    best = np.lexsort((-np.minimum(breast, protocol.breast), other))[0]
    x0, y0, x1, y1 = (int(corner[best]) for corner in (x, y, x + side, y + side))
    lacks = ["another lesion"] if other[best] else []
    if breast[best] < protocol.breast:
        lacks.append(f"less than {100 * protocol.breast:.0f} % breast")
    return Box(x0, y0, x1, y1), " and ".join(lacks)


def _first(drawn: np.ndarray, start: int, stop: int, side: np.ndarray, length: int) -> np.ndarray:
    """First pixels of windows that hold start..stop-1 and lie in 0..length-1, drawn in 0..1."""
    lowest, highest = np.maximum(stop - side, 0), np.minimum(start, length - side)
    return lowest + np.floor(drawn * (highest - lowest + 1)).astype(int)


def _sums(table: np.ndarray, x: np.ndarray, y: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Sums of the windows, of a summed-area table."""
    return table[y + side, x + side] - table[y, x + side] - table[y + side, x] + table[y, x]
