"""Whether what a map marks is what the model goes by: insertion and deletion curves.

Petsiuk, Das and Saenko, RISE, BMVC 2018.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

#: Shares of the pixels at which the curves are taken, from none to all.
SHARES = tuple(k / 10 for k in range(11))
#: Deviation of the blur that insertion starts from, as a share of the side; RISE's 5 of 224 pixels.
BLUR = 5 / 224


def areas(
    model: Callable[[NDArray], NDArray], images: NDArray, maps: NDArray, classes: NDArray, seed: int
) -> dict[str, NDArray]:
    """Areas under the curves of a class's probability, as pixels go or come in a map's order.

    Args:
      model: normalised images float32 [n, size, size, 1] to probabilities [n, classes].
      images: of the model.
      maps: [n, size, size]; the highest pixels come first, equal ones in random order.
      classes: int [n], whose probability is followed.
      seed: of the order of equal pixels.

    Returns:
      'deletion': pixels set to 0, the mean, one after the other; the lower, the better the map.
      'insertion': pixels put back into the blurred image; the higher, the better. Each [n], 0 to 1.
    """
    size = images.shape[1]
    blurred = np.stack([cv2.GaussianBlur(image, (0, 0), BLUR * size) for image in images])
    ranks = _ranks(maps, seed)
    curves: dict[str, list[NDArray]] = {"deletion": [], "insertion": []}
    for share in SHARES:
        chosen = (ranks < round(share * size * size))[..., None]
        for name, inside, outside in (
            ("deletion", np.zeros_like(images), images),
            ("insertion", images, blurred.reshape(images.shape)),
        ):
            probabilities = model(np.where(chosen, inside, outside))
            curves[name].append(np.take_along_axis(probabilities, classes[:, None], 1)[:, 0])
    return {name: np.trapezoid(np.stack(curve), SHARES, axis=0) for name, curve in curves.items()}


def _ranks(maps: NDArray, seed: int) -> NDArray:
    """0 for the highest pixel of each map, and so on."""
    flat = maps.reshape(len(maps), -1)
    noise = np.random.default_rng(seed).random(flat.shape)
    order = np.lexsort((noise, -flat), axis=-1)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(flat.shape[1]), flat.shape), 1)
    return ranks.reshape(maps.shape)
