"""Films on which a breast can be found."""

import numpy as np


def breast_film(height: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A half-ellipse of noisy breast with its chest wall on the left, on black.

    Returns:
      The film, uint8 [height, width], and where the breast is on it, uint8, 0 or 1.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    inside = np.hypot(x / (0.6 * width), (y - 0.48 * height) / (0.4 * height)) < 1
    film = np.where(inside, rng.integers(60, 200, inside.shape), 0)
    return film.astype(np.uint8), inside.astype(np.uint8)
