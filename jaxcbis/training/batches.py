"""The order in which items are visited, batch by batch."""

from collections.abc import Iterator, Sequence

import numpy as np

#: Index and label of an item that a batch lacks.
ABSENT = -1


def shuffled(count: int, batch_size: int, seed: tuple[int, ...]) -> Iterator[np.ndarray]:
    """Yields the indices of one epoch's batches; the last may be smaller.

    Args:
      count: items in the data.
      batch_size: items in a batch.
      seed: the same seed gives the same order; holds run, phase and epoch, so that a resumed run
        goes on as an unbroken one.
    """
    order = np.random.default_rng(seed).permutation(count)
    for start in range(0, count, batch_size):
        yield order[start : start + batch_size]


def in_order(count: int, batch_size: int) -> list[np.ndarray]:
    """The indices of `count` items in batches; the last may be smaller."""
    return np.split(np.arange(count), range(batch_size, count, batch_size))


def padded(order: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Batches of one size, that of the first: ABSENT stands for each item that the last one lacks.

    A compiled step of the first batch then serves for all.
    """
    size = len(order[0])
    missing = size - len(order[-1])
    return [*order[:-1], np.pad(order[-1], (0, missing), constant_values=ABSENT)]
