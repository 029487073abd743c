"""A mammogram run in a file that JAX runs without this package."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxcbis.mammograms.answers import FLIPS
from jaxcbis.mammograms.finished import FinishedMammogram
from jaxcbis.models.inference import apply
from jaxcbis.models.model import HEAD
from jaxcbis.runs.export import write


def export(run: FinishedMammogram, file: Path | str) -> Path:
    """Writes all members of a mammogram run, see `jaxcbis.export`."""
    models = [jax.tree.map(np.asarray, model) for model in run.models]  # for any number of devices
    ways = FLIPS if run.config.test_time_flips else FLIPS[:1]

    def serve(views: jax.Array) -> jax.Array:
        asked = jnp.concatenate([views[:, ::rows, ::columns, None] for rows, columns in ways])
        logits = jnp.stack([apply(model, asked, (*model.stages, HEAD)) for model in models])
        return jax.nn.sigmoid(logits).reshape(len(models) * len(ways), -1).mean(axis=0)

    return write(serve, (run.config.height, run.config.width), file)
