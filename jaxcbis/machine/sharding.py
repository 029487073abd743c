"""Data parallelism: the items of a batch divided over all devices, everything else whole on each.

A compiled function says what it divides and otherwise reads as for one device: a mean over a batch,
in the loss or in a BatchNorm, is one over all of it, and the compiler puts in the sums between
devices. On a single device nothing here changes anything.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

Tree = TypeVar("Tree")

_ITEMS = "items"


def divided(x: jax.Array) -> jax.Array:
    """Inside a compiled function: `x` [n, ...] with its items on all devices, for any n."""
    return jax.lax.with_sharding_constraint(x, _by_item()) if _several() else x


def returned(tree: Tree) -> Tree:
    """Inside a compiled function, what it returns of its items [n, ...]: divided where that goes.

    What leaves a compiled function must lie on the devices in equal parts, or whole.
    """
    count = jax.device_count()
    return jax.tree.map(lambda x: whole(x) if len(x) % count else divided(x), tree)


def whole(tree: Tree) -> Tree:
    """Inside a compiled function: arrays that every device holds all of."""
    return jax.lax.with_sharding_constraint(tree, _everywhere()) if _several() else tree


def on_all(tree: Tree) -> Tree:
    """Puts arrays on the device; where there are several, all of them on each.

    They are the same on every host.
    """
    if not _several():
        return jax.device_put(tree)
    return jax.tree.map(lambda x: _put(np.asarray(x), _everywhere()), tree)


def fetch(tree: Any) -> Any:
    """Brings arrays from the devices, those of other hosts too, as numpy's."""

    def bring(x: Any) -> np.ndarray:
        here = not isinstance(x, jax.Array) or x.is_fully_addressable or x.is_fully_replicated
        return np.asarray(x if here else _gathered()(x))

    return jax.tree.map(bring, tree)


def empty(count: int, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
    """An array [m, *shape] for `count` items in blocks of one size, the first device's first.

    m is the least multiple of the number of devices that is not below `count`.
    """
    size = block(count) * jax.device_count()
    return jnp.empty((size, *shape), dtype, device=_by_item() if _several() else None)


def block(count: int) -> int:
    """How many of `count` items lie on each device at most."""
    return math.ceil(count / jax.device_count())


def of_every_block(part: slice, count: int) -> np.ndarray:
    """Items at the same places of every device's block, in the order of the devices.

    Args:
      part: places in a block.
      count: items in all; places behind the last one stand for it.

    Returns:
      int [devices * places].
    """
    starts = np.arange(jax.device_count())[:, None] * block(count)
    return np.minimum(starts + np.arange(part.start, part.stop), count - 1).ravel()


def items(values: np.ndarray, index: np.ndarray) -> np.ndarray | jax.Array:
    """The items at `index` of an array on the hosts, for a compiled function.

    Of several devices each is sent only its own, if they can have equally many.

    Args:
      values: [n, ...], the same on every host.
      index: int [m].
    """
    if not _several():
        return values[index]
    equally = len(index) % jax.device_count() == 0
    return _put(values, _by_item() if equally else _everywhere(), index)


def replace_places(kept: jax.Array, values: jax.Array, start: int) -> jax.Array:
    """Inside a compiled function: writes items of every block, each on its own device.

    Args:
      kept: of `empty`.
      values: [devices * places, ...], of the places from `start` on in every block.
      start: a place.
    """
    blocks, new = (x.reshape(jax.device_count(), -1, *x.shape[1:]) for x in (kept, values))
    blocks = jax.lax.dynamic_update_slice_in_dim(blocks, new.astype(kept.dtype), start, 1)
    return divided(blocks.reshape(kept.shape))


def _put(values: np.ndarray, where: NamedSharding, index: np.ndarray | None = None) -> jax.Array:
    """Values, or those at an index, on the devices; every host sends its own devices theirs."""
    shape = values.shape if index is None else (len(index), *values.shape[1:])

    def part(at: tuple[slice, ...] | None) -> np.ndarray:
        at = at or ()
        return values[at] if index is None else values[index[at[:1]]]

    return jax.make_array_from_callback(shape, where, part)


def _several() -> bool:
    return jax.device_count() > 1


@cache
def _mesh() -> Mesh:
    return Mesh(np.array(jax.devices()), _ITEMS)


def _by_item() -> NamedSharding:
    return NamedSharding(_mesh(), PartitionSpec(_ITEMS))


def _everywhere() -> NamedSharding:
    return NamedSharding(_mesh(), PartitionSpec())


@cache
def _gathered() -> Callable[[Any], Any]:
    return jax.jit(lambda tree: tree, out_shardings=_everywhere())
