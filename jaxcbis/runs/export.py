"""A trained model in a file that JAX runs without this package."""

import os
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
    """Writes the model as StableHLO, weights and normalisation included.

    `jax.export.deserialize(bytearray(Path(file).read_bytes())).call(images)` takes uint8 grey
    patches [n, size, size], any n, already at the run's --image-size, and returns their class
    probabilities, float32 [n, classes]. It is lowered for `PLATFORMS`. JAX promises to read such a
    file for six months.

    Args:
      run: of `finished.load`.
      file: to write; one that exists is replaced.

    Returns:
      The file.

    Raises:
      UserError: it is no run (also a ValueError), or the file cannot be written.

    Examples:
      >>> jaxcbis.export(run, "model.stablehlo").name
      'model.stablehlo'
    """
    require(run)
    file = Path(os.path.expanduser(file))
    stages = (*run.model.stages, HEAD)
    model = jax.tree.map(np.asarray, run.model)  # for any number of devices

    def serve(images: jax.Array) -> jax.Array:
        scaled = images[..., None].astype(jnp.float32) / 255
        inputs = (scaled - run.statistics.mean) / run.statistics.deviation
        return jax.nn.softmax(apply(model, inputs, stages), axis=-1)

    size = run.config.image_size
    batch = jax_export.symbolic_shape(f"n, {size}, {size}")
    argument = jax.ShapeDtypeStruct(batch, jnp.uint8)
    data = jax_export.export(jax.jit(serve), platforms=PLATFORMS)(argument).serialize()
    files.write(file, data)
    return file
