"""Whether what a map marks is what the model goes by: insertion and deletion curves.

Petsiuk, Das and Saenko, RISE, BMVC 2018.
"""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

#: Shares of the pixels at which the curves are taken, from none to all.
SHARES = tuple(k / 10 for k in range(11))
#: Deviation of the blur that insertion starts from, as a share of the side; RISE's 5 of 224 pixels.
BLUR = 5 / 224


# Six parameters: what is asked, of what, in which orders, and what is known already.
def areas(
    model: Callable[[NDArray], NDArray],
    images: NDArray,
    orders: Mapping[str, NDArray],
    classes: NDArray,
    seed: int,
    *,
    intact: NDArray,
) -> dict[str, dict[str, NDArray]]:
    """Areas under the curves of a class's probability, as pixels go or come in a map's order.

    What no order changes, the images with none or all of their pixels, is asked once.

    Args:
      model: normalised images float32 [n, size, size, 1] to probabilities [n, classes].
      images: of the model.
      orders: maps [n, size, size] by name; the highest pixels come first, equal ones in random
        order.
      classes: int [n], whose probability is followed.
      seed: of the order of equal pixels.
      intact: probabilities [n, classes] of the images.

    Returns:
      By name of the order 'deletion': pixels set to 0, the mean, one after the other; the lower,
      the better the map. 'insertion': pixels put back into the blurred image; the higher, the
      better. Each [n], 0 to 1.
    """
    size = images.shape[1]
    blurred = np.stack([cv2.GaussianBlur(image, (0, 0), BLUR * size) for image in images])
    blurred, empty = blurred.reshape(images.shape), np.zeros_like(images)

    def of_class(probabilities: NDArray) -> NDArray:
        return np.take_along_axis(probabilities, classes[:, None], 1)[:, 0]

    whole = of_class(intact)
    ends = {
        "deletion": (whole, of_class(model(empty))),
        "insertion": (of_class(model(blurred)), whole),
    }
    sides = {"deletion": (empty, images), "insertion": (images, blurred)}

    def between(order: NDArray, kind: str) -> NDArray:
        inside, outside = sides[kind]
        first, last = ends[kind]
        chosen = ((order < round(share * size * size))[..., None] for share in SHARES[1:-1])
        curve = [of_class(model(np.where(of, inside, outside))) for of in chosen]
        return np.trapezoid(np.stack([first, *curve, last]), SHARES, axis=0)

    ranks = {name: _ranks(maps, seed) for name, maps in orders.items()}
    return {name: {kind: between(of, kind) for kind in sides} for name, of in ranks.items()}


def _ranks(maps: NDArray, seed: int) -> NDArray:
    """0 for the highest pixel of each map, and so on."""
    flat = maps.reshape(len(maps), -1)
    noise = np.random.default_rng(seed).random(flat.shape)
    order = np.lexsort((noise, -flat), axis=-1)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(flat.shape[1]), flat.shape), 1)
    return ranks.reshape(maps.shape)
