"""What class activation maps are made of: a class's gradient, and channels weighted by it.

Training differentiates it once more, evaluation draws maps with it.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

#: The rest of a network behind the mapped stage: features [n, h, w, c] to logits [n, k], each item
#: by itself.
Head = Callable[[Array], Array]


def gradient(head: Head, features: Array, classes: Array) -> Array:
    """Of the class logit (before softmax) by the features, float32 of their shape.

    Args:
      head: behind the features.
      features: [n, h, w, c].
      classes: int [n]; the gradient of one that is no class is 0.
    """

    def sum_of_logits(features: Array) -> Array:
        # Items do not interact, so the gradient of the sum holds each item's own gradient.
        logits = head(features)
        mapped = classes[:, None] == jnp.arange(logits.shape[1])
        return jnp.where(mapped, logits, 0).sum()

    return jax.grad(sum_of_logits)(features).astype(jnp.float32)


def weighted(features: Array, weights: Array) -> Array:
    """Weighted sums of channels: float32 [n, h, w] of [n, h, w, c] and [n, c]."""
    return jnp.einsum(
        "nhwc,nc->nhw", features.astype(jnp.float32), weights, precision=jax.lax.Precision.HIGHEST
    )
