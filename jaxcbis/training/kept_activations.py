"""Activations in front of the first trainable stage, computed once per phase and kept.

Nothing in front of that stage changes during a phase, so what it sees of an image is the same in
every epoch. Kept, it saves the larger part of a step's work.
"""

import math
import os
import tempfile
from functools import partial
from pathlib import Path

import jax
import numpy as np

from jaxcbis.errors import AGAIN, UserError
from jaxcbis.machine import device, hosts, sharding
from jaxcbis.models.inference import Track, forward, forward_on, per_call, untracked, windows
from jaxcbis.models.model import HEAD, POOL, Model
from jaxcbis.training.batches import Kept, Splits

#: Share of the free memory that what is kept may take.
SHARE = 0.5


def behind(
    model: Model, splits: Splits, stages: tuple[str, ...], folder: Path, track: Track = untracked
) -> Splits:
    """Splits whose inputs have passed through more stages.

    Args:
      model: whole.
      splits: behind the first of the stages, or behind none.
      stages: from the image on; of `in_front`.
      folder: for a file, see `compute`.
      track: shows how far it is.

    Raises:
      UserError: the file has no room on its disk.
    """
    shared, sharers = splits.kept or Kept({})
    if stages in shared:
        return shared[stages]._replace(kept=splits.kept)
    more = stages[len(splits.stages) :]
    train, validation = (
        split._replace(
            inputs=compute(model, split.inputs, more, folder, track, sharers),
            labels=sharding.on_all(split.labels),
            targets=sharding.on_all(split.targets),
        )
        for split in (splits.train, splits.validation)
    )
    found = Splits(train, validation, stages)
    shared[stages] = found  # which does not refer to what holds it: both are freed at once
    return found._replace(kept=splits.kept)


def described(splits: Splits) -> dict:
    """{'stages', 'megabytes', 'place'} of `behind`, in JSON values.

    The place is 'device', 'file' or, of images that are sent batch by batch, 'host'.
    """
    both = splits.train, splits.validation
    in_file = isinstance(splits.train.inputs, np.memmap)
    return {
        "stages": list(splits.stages),
        "megabytes": sum(split.inputs.nbytes for split in both) / 2**20,
        "place": "device" if splits.train.on_device else "file" if in_file else "host",
    }


def compute(
    model: Model,
    inputs: np.ndarray | jax.Array,
    stages: tuple[str, ...],
    folder: Path,
    track: Track = untracked,
    sharers: int = 1,
) -> np.ndarray | jax.Array:
    """Runs stages on all items, and keeps what comes out where training can draw batches from it.

    That is the device or, where it would take too much of its free memory, a file mapped into the
    host's memory, which vanishes with the process. Grey levels that pass through no stage stay
    where they are: as uint8 or uint16 they are sent faster than a whole image is computed.

    Args:
      model: whole.
      inputs: of the first of the stages, [n, height, width, channels].
      stages: consecutive ones; if there are none, the inputs themselves are kept.
      folder: for the file.
      track: shows how far it is.
      sharers: processes that share the host's memory.

    Returns:
      The last stage's outputs, [n, ...], in the type that it computes in.

    Raises:
      UserError: the file has no room on its disk.
    """

    def pass_on(batch):
        return forward(model, batch, stages)

    def run(index: np.ndarray) -> np.ndarray | jax.Array:
        if isinstance(inputs, jax.Array):
            return forward_on(model, inputs, sharding.on_all(index), stages)
        return pass_on(sharding.items(inputs, index))

    grey_levels = np.issubdtype(inputs.dtype, np.unsignedinteger)
    if not stages and (grey_levels or isinstance(inputs, (jax.Array, np.memmap))):
        return inputs  # kept already
    count = len(inputs)
    one = jax.ShapeDtypeStruct((1, *inputs.shape[1:]), inputs.dtype)
    item = jax.eval_shape(pass_on, one)
    shape = item.shape[1:]
    size = sharding.block(count) * math.prod(shape) * item.dtype.itemsize
    kept: np.ndarray | jax.Array
    if size <= SHARE * hosts.least(device.free_memory(sharers)):
        kept = sharding.empty(count, shape, item.dtype)
    else:
        kept = _file((count, *shape), item.dtype, folder)
    for places in track(windows(sharding.block(count), per_call(inputs)), "frozen stages"):
        index = sharding.of_every_block(places, count)
        outputs = run(index)
        if isinstance(kept, jax.Array):
            kept = _put(kept, outputs, places.start)
        else:
            kept[index] = sharding.fetch(outputs)
    return jax.block_until_ready(kept)  # so that the time it took is told of it


def in_front(stages: tuple[str, ...], first: str, *, pooled: bool = True) -> tuple[str, ...]:
    """What an image passes through in front of a stage.

    Args:
      stages: of the model.
      first: one of them, or the head.
      pooled: whether the head's pooling is part of it, behind which there is no map any more.
    """
    if first == HEAD:
        return (*stages, POOL) if pooled else stages
    return stages[: stages.index(first)]


@partial(jax.jit, donate_argnums=0)
def _put(kept: jax.Array, outputs: jax.Array, start: int) -> jax.Array:
    return sharding.replace_places(kept, outputs, start)


def _file(shape: tuple[int, ...], dtype: np.dtype, folder: Path) -> np.memmap:
    size = math.prod(shape) * dtype.itemsize
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            # Writing to a mapped page that the disk has no room for would kill the process.
            os.posix_fallocate(file.fileno(), 0, size)
            return np.memmap(file, dtype, "r+", shape=shape)
    except OSError as error:
        raise UserError(
            f"no room for the kept activations in {folder}: they take {size / 2**20:.0f} MiB "
            f"({error.strerror}); free space there and {AGAIN}, or choose another --output"
        ) from error
