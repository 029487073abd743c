"""Gradient-weighted class activation maps (Selvaraju et al., ICCV 2017).

Only the head behind the mapped layer is differentiated: the gradient that Grad-CAM needs ends at
that layer's output, so the map of a batch costs little more than its forward pass.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array


def grad_cam(head: Callable[[Array], Array], features: Array, classes: Array) -> Array:
    """Maps where the features of one layer speak for a class.

    The weight of a channel is the spatial mean of the gradient of the class logit (before softmax);
    the map is the ReLU of the weighted sum of channels, at the features' own resolution. May be
    called inside jit.

    Args:
      head: the rest of the network, [n, h, w, c] features -> [n, k] logits, each item by itself (no
        batch statistics).
      features: [n, h, w, c] output of the mapped layer.
      classes: [n] integer class of each map.

    Returns:
      [n, h, w] float32, not scaled, at least 0. All zero where nothing speaks for the class.
    """

    def sum_of_logits(features: Array) -> Array:
        # Items do not interact, so the gradient of the sum holds each item's own gradient.
        logits = head(features)
        return jnp.take_along_axis(logits, classes[:, None], axis=1).sum()

    gradient = jax.grad(sum_of_logits)(features)
    weights = gradient.astype(jnp.float32).mean(axis=(1, 2))
    maps = jnp.einsum(
        "nhwc,nc->nhw", features.astype(jnp.float32), weights, precision=jax.lax.Precision.HIGHEST
    )
    return jax.nn.relu(maps)


def upsample(maps: Array, size: int) -> Array:
    """Resizes maps bilinearly with half-pixel centres, as cv2.INTER_LINEAR does.

    Args:
      maps: [n, h, w].
      size: side of the result in pixels.

    Returns:
      [n, size, size] of the same type.
    """
    return jax.image.resize(maps, (maps.shape[0], size, size), "linear", antialias=False)
