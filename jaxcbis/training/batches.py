"""The items that are trained on, and the order in which they are visited, batch by batch."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxcbis.machine import sharding

#: Index and label of an item that a batch lacks.
ABSENT = -1


class Batch(NamedTuple):
    """Arrays of a compiled step: a batch, or all items of which it takes some by their index.

    Attributes:
      inputs: [n, height, width, channels], of the first stage that a step runs.
      labels: int32 [n]; ABSENT for an item that counts for nothing, except in batch statistics.
      targets: float32 [n, g, g] of `look.targets`; None without the localisation term.
      draws: float32 [n, 3] of `augmentation.draw`; None where images stay as they are.
    """

    inputs: Any
    labels: Any
    targets: Any = None
    draws: Any = None


class Examples(NamedTuple):
    """Items to train on or to validate on.

    Attributes:
      inputs: [n, height, width, channels]: grey images with one channel, float32 and normalised or,
        of a model that normalises them itself, uint8 or uint16; or, behind a kept prefix,
        activations: on the device, or in a mapped file where they do not fit there. Where several
        devices share them, there may be more inputs than labels: what stands behind the last item
        is not used.
      labels: int32 [n].
      ids: str [n], to name items; without them they have numbers.
      targets: float32 [n, g, g] of `look.targets`; None without the localisation term.
      draws: float32 [n, 3] of `augmentation.draw`, of one epoch; None where images stay as they
        are.
    """

    inputs: np.ndarray | jax.Array
    labels: np.ndarray | jax.Array
    ids: Sequence[str] | np.ndarray = ()
    targets: np.ndarray | jax.Array | None = None
    draws: np.ndarray | None = None

    @property
    def on_device(self) -> bool:
        """Whether a compiled step can take items by their index."""
        return isinstance(self.inputs, jax.Array)

    @property
    def arrays(self) -> Batch:
        """All of them, for a step that takes items by their index."""
        return Batch(self.inputs, self.labels, self.targets, sharding.on_all(self.draws))

    def batch(self, index: np.ndarray) -> Batch:
        """Items whose inputs lie on the host; labels are ABSENT where the index is."""
        labels = np.where(index == ABSENT, ABSENT, np.asarray(self.labels)[index])
        targets, draws = (
            None if of is None else np.asarray(of)[index] for of in (self.targets, self.draws)
        )
        return Batch(sharding.items(np.asarray(self.inputs), index), labels, targets, draws)

    def named(self, index: np.ndarray) -> str:
        """Items by name, in words."""
        items = [i for i in index if i != ABSENT]
        return ", ".join(str(self.ids[i]) if len(self.ids) else f"item {i}" for i in items)


class Splits(NamedTuple):
    """What a model is trained on, and what it is validated on; neither may be empty.

    Attributes:
      train, validation: the items.
      stages: of the model, that the inputs have passed through.
      kept: what runs of one model on the same data share; None where there is but one run, which
        drops activations as soon as a phase needs them no more.
    """

    train: Examples
    validation: Examples
    stages: tuple[str, ...] = ()
    kept: "Kept | None" = None


class Kept(NamedTuple):
    """Activations that runs share.

    Attributes:
      behind: both splits, by the stages in front of them; a run adds those that it computes.
      sharers: processes that keep theirs on this host side by side.
    """

    behind: dict[tuple[str, ...], Splits]
    sharers: int = 1


def shuffled(count: int, batch_size: int, seed: tuple[int, ...]) -> list[np.ndarray]:
    """The indices of one epoch's batches; the last may be smaller.

    Args:
      count: items in the data.
      batch_size: items in a batch.
      seed: the same seed gives the same order; holds run, phase and epoch, so that a resumed run
        goes on as an unbroken one.
    """
    return _cut(np.random.default_rng(seed).permutation(count), batch_size)


def in_order(count: int, batch_size: int) -> list[np.ndarray]:
    """The indices of `count` items in batches; the last may be smaller."""
    return _cut(np.arange(count), batch_size)


def padded(order: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Batches of one size, that of the first: ABSENT stands for each item that the last one lacks.

    A compiled step of the first batch then serves for all.
    """
    size = len(order[0])
    missing = size - len(order[-1])
    return [*order[:-1], np.pad(order[-1], (0, missing), constant_values=ABSENT)]


def _cut(order: np.ndarray, batch_size: int) -> list[np.ndarray]:
    return np.split(order, range(batch_size, len(order), batch_size))
