"""The order in which an epoch visits the training data."""

from collections.abc import Iterator

import numpy as np


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
