"""A trained model in a file that JAX runs without this package."""

import os
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import export as jax_export

from jaxcbis.machine import files
from jaxcbis.models.inference import apply
from jaxcbis.models.model import HEAD
from jaxcbis.runs.finished import Finished, require

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def export(run: Finished, file: Path | str) -> Path:
    """Writes the model of a patch run, see `jaxcbis.export`."""
    require(run)
    stages = (*run.model.stages, HEAD)
    model = jax.tree.map(np.asarray, run.model)  # for any number of devices

    def serve(images: jax.Array) -> jax.Array:
        scaled = images[..., None].astype(jnp.float32) / 255
        inputs = (scaled - run.statistics.mean) / run.statistics.deviation
        return jax.nn.softmax(apply(model, inputs, stages), axis=-1)

    size = run.config.image_size
    return write(serve, (size, size), file)


def write(
    serve: Callable[[jax.Array], jax.Array], shape: tuple[int, int], file: Path | str
) -> Path:
    """Writes a function of grey pictures as StableHLO, lowered for `PLATFORMS`.

    Args:
      serve: takes uint8 [n, height, width], for any n.
      shape: height and width.
      file: to write; one that exists is replaced.

    Returns:
      The file.

    Raises:
      UserError: the file cannot be written.
    """
    file = Path(os.path.expanduser(file))
    height, width = shape
    batch = jax_export.symbolic_shape(f"n, {height}, {width}")
    argument = jax.ShapeDtypeStruct(batch, jnp.uint8)
    data = jax_export.export(jax.jit(serve), platforms=PLATFORMS)(argument).serialize()
    files.write(file, data)
    return file
