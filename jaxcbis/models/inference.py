"""Running a model, or some of its stages, on many items with stored BatchNorm statistics."""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcbis.machine import sharding
from jaxcbis.models.model import Model, merge, run

#: Items per call and device: large enough for the hardware, small enough for VGG's first block.
BATCH = 32
#: Pixels of an image up to which so many fit; of larger ones there are fewer per call.
PIXELS = 512 * 512

#: Wraps what is iterated over, to show how far it is, given a description.
Track = Callable[[Sequence, str], Iterable]


def untracked(items: Sequence, description: str) -> Iterable:
    """A Track that shows nothing."""
    return items


@partial(jax.jit, static_argnames="stages")
def forward(model: Model, inputs: jax.Array, stages: tuple[str, ...]) -> jax.Array:
    """Runs consecutive stages on one batch.

    Args:
      model: whole.
      inputs: [n, height, width, channels], of the first of the stages.
      stages: names, in order.

    Returns:
      The last one's output; of none the inputs as they are.
    """
    return sharding.returned(apply(model, sharding.divided(inputs), stages))


@partial(jax.jit, static_argnames="stages")
def forward_on(
    model: Model, inputs: jax.Array, index: jax.Array, stages: tuple[str, ...]
) -> jax.Array:
    """`forward` for the items at `index`, int [n], of inputs on the device."""
    return sharding.returned(apply(model, sharding.divided(inputs[index]), stages))


def apply(model: Model, inputs: jax.Array, stages: tuple[str, ...]) -> jax.Array:
    """`forward` as it is, neither compiled nor on several devices."""
    return run(merge(model), rgb(inputs), stages)[0] if stages else inputs


def rgb(inputs: jax.Array) -> jax.Array:
    """Repeats a grey image's one channel; activations pass as they are."""
    return jnp.repeat(inputs, 3, axis=-1) if inputs.shape[-1] == 1 else inputs


def map_batches(
    function: Callable[[Any], Any],
    inputs: np.ndarray,
    track: Track = untracked,
    description: str = "",
    size: int | None = None,
) -> Any:
    """Applies a function of a batch to all items.

    Args:
      function: array [b, ...] to a tree of arrays [b, ...]; treats each item by itself.
      inputs: [n, ...] with n >= 1.
      track, description: show how far it is.
      size: items per call and device; BATCH if None.

    Returns:
      The function's tree, of numpy arrays [n, ...].
    """
    count = len(inputs)
    results: Any = None
    waiting: tuple[slice, Any] | None = None

    def fetch(part: slice, answer: Any) -> None:
        nonlocal results
        answer = sharding.fetch(answer)
        if results is None:
            results = jax.tree.map(lambda a: np.empty((count, *a.shape[1:]), a.dtype), answer)
        for whole, piece in zip(jax.tree.leaves(results), jax.tree.leaves(answer), strict=True):
            whole[part] = piece

    for part in track(windows(count, (size or BATCH) * jax.device_count()), description):
        begun = part, function(inputs[part])
        if waiting:  # the device goes on with the next batch while this one's answers are fetched
            fetch(*waiting)
        waiting = begun
    assert waiting is not None
    fetch(*waiting)
    return results


def per_call(inputs: Any) -> int:
    """How many of some inputs [n, height, width, ..] go into a call per device: BATCH, or fewer."""
    pixels = math.prod(inputs.shape[1:3])
    return max(1, BATCH * PIXELS // max(pixels, PIXELS))


def windows(count: int, size: int = BATCH) -> list[slice]:
    """Slices of one size that cover `count` items, so that a function of them compiles once.

    The last one may overlap the one before it. Where there are fewer items, it is their number.
    """
    size = min(size, count)
    starts = (min(start, count - size) for start in range(0, count, size))
    return [slice(start, start + size) for start in starts]
