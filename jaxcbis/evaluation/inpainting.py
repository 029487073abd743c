"""A region of an image filled in from what lies around it: as smooth, and as grainy."""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, diags_array
from scipy.sparse.linalg import spsolve

#: Width of the ring around a region whose grain it gets, as a share of the image's side.
RING = 1 / 28
#: Pull of a pixel towards its own value. Next to its neighbours' it is nothing; alone it makes a
#: region that has no surroundings its mean, where the equation has no single solution.
_PULL = 1e-9
#: Grain that is smoother than this has no end within a ring.
_SMOOTHEST = 0.98


def fill(
    image: NDArray, region: NDArray, known: NDArray, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Replaces a region by a harmonic surface with Gaussian noise like that of its surroundings.

    The noise has the deviation and, between neighbours, the correlation that the ring around the
    region has about a harmonic surface of its own.

    Args:
      image: [height, width].
      region: bool, the same shape: what is replaced.
      known: bool, the same shape: pixels that may be looked at; those in the region never are.
      rng: of the noise.

    Returns:
      float64 [height, width], outside the region as it was.
    """
    filled = image.astype(np.float64)
    deviation, correlation = _grain(filled, region, known)
    noise: NDArray = rng.standard_normal(image.shape)
    if correlation > 0:
        # Neighbours of white noise that a Gaussian of deviation s has blurred correlate by
        # exp(-1 / 4 s^2).
        blur = np.sqrt(-0.25 / np.log(min(correlation, _SMOOTHEST)))
        noise = cv2.GaussianBlur(noise, (0, 0), blur)
    filled[region] = harmonic(filled, region, known)
    filled[region] += (noise * (deviation / noise.std()))[region]
    return filled


def harmonic(image: NDArray, region: NDArray, known: NDArray) -> NDArray[np.float64]:
    """Solves Laplace's equation in a region: each pixel is the mean of its four neighbours.

    A neighbour outside the region has its own value if it is known; others, and those beyond the
    image, do not count.

    Args:
      image, region, known: as of `fill`.

    Returns:
      float64 [k], the values of the region's pixels, row by row.
    """
    values, inside, outside = (np.pad(array, 1) for array in (image, region, known & ~region))
    number = np.zeros(inside.shape, int)
    number[inside] = np.arange(np.count_nonzero(inside))
    y, x = np.nonzero(inside)
    degree = np.full(len(y), _PULL)
    given = _PULL * values[inside]
    rows, columns = [], []
    for dy, dx in ((-1, 0), (0, -1), (0, 1), (1, 0)):
        beside = y + dy, x + dx
        linked, bounded = inside[beside], outside[beside]
        degree += linked | bounded
        given += np.where(bounded, values[beside], 0)
        rows.append(np.flatnonzero(linked))
        columns.append(number[beside][linked])
    at = np.concatenate(rows), np.concatenate(columns)
    links = csc_array((np.ones(len(at[0])), at), shape=(len(y), len(y)))
    equations = (diags_array(degree) - links).tocsc()
    # An order for symmetric matrices: half the time of the usual one.
    return spsolve(equations, given, permc_spec="MMD_AT_PLUS_A", use_umfpack=False)


def grown(region: NDArray, pixels: int) -> NDArray[np.bool_]:
    """A region with all that lies at most so many pixels from it, diagonal steps included."""
    square = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
    return cv2.dilate(region.astype(np.uint8), square) > 0


def _grain(image: NDArray, region: NDArray, known: NDArray) -> tuple[float, float]:
    """Deviation about a harmonic surface around a region, and the correlation of neighbours."""
    width = max(2, round(max(image.shape) * RING))
    border = grown(region, 1)  # bounds the ring's own surface
    ring = grown(region, 1 + width) & ~border & known
    if not ring.any():
        return 0.0, 0.0
    rest = np.zeros_like(image)
    rest[ring] = image[ring] - harmonic(image, ring, known & ~region)
    pairs = ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1]))
    together = sum(float((rest[one] * rest[two]).sum()) for one, two in pairs)
    count = sum(np.count_nonzero(ring[one] & ring[two]) for one, two in pairs)
    variance = float((rest[ring] ** 2).mean())
    if not count or not variance:
        return variance**0.5, 0.0
    return variance**0.5, together / count / variance
