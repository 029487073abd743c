"""The loss's second term: the true class's Grad-CAM has to meet the lesion's mask.

Of a lesion it is 1 - 2 sum(p t) / (sum(p^2) + sum(t^2)), the soft Dice loss of Milletari, Navab and
Ahmadi (V-Net, 3DV 2016), over the cells of the last stage. p is the class's Grad-CAM over its
maximum, t the share of each cell that is lesion over the largest such share. 0 is a perfect map, 1
one that does not touch the lesion. Background has no mask and no term. A map that is zero
everywhere misses all of the lesion, and has no gradient: only the cross-entropy can bring it back.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxcbis.data.patches import averaged
from jaxcbis.labels import BACKGROUND
from jaxcbis.models.class_activation import Head, gradient, weighted

#: Added to a map's maximum, so that one that is nearly zero is not blown up.
FAINT = 1e-3


def targets(masks: np.ndarray, grid: int) -> np.ndarray:
    """Masks as the term compares maps with them.

    Args:
      masks: bool [n, size, size].
      grid: side of the maps in cells.

    Returns:
      float32 [n, grid, grid], 0 to 1: the mean of the mask in each cell over the largest one; all 0
      of an empty mask.
    """
    shares = [averaged(mask, grid) for mask in masks]
    found = np.stack(shares) if shares else np.empty((0, grid, grid), np.float32)
    largest = found.max((1, 2), keepdims=True, initial=0)
    return found / np.where(largest > 0, largest, 1)


def misses(head: Head, features: Array, labels: Array, targets: Array) -> tuple[Array, Array]:
    """The term's sum over the lesions of a batch, and how many there are.

    Inside a function to be differentiated: the gradient of the map is taken within.

    Args:
      head: behind the last stage.
      features: of the last stage, [n, grid, grid, c].
      labels: int [n]; background and ABSENT are no lesions.
      targets: of `targets`; an item whose mask is empty does not count.
    """
    # The sum over cells, not Grad-CAM's mean: its size then does not hang on the grid.
    maps = weighted(features, gradient(head, features, labels).sum((1, 2)))
    maps = jax.nn.relu(maps)
    maps = maps / (maps.max((1, 2), keepdims=True) + FAINT)
    both = (jnp.square(maps) + jnp.square(targets)).sum((1, 2))
    lesions = (labels > BACKGROUND) & targets.any((1, 2))
    dice = 2 * (maps * targets).sum((1, 2)) / jnp.where(lesions, both, 1)
    return jnp.where(lesions, 1 - dice, 0).sum(), lesions.sum()
