"""A finished run, read back: what it was asked, the model it trained, how it normalised."""

from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp

from jaxcbis.config import Config, resolve
from jaxcbis.data import normalization
from jaxcbis.errors import UserError
from jaxcbis.labels import LABELS
from jaxcbis.models import backbones
from jaxcbis.models.model import Model
from jaxcbis.records import results
from jaxcbis.training import checkpoints


class Finished(NamedTuple):
    """A run that was trained and tested.

    Attributes:
      folder: of the run.
      config: of the run.
      model: the one with the lowest validation loss.
      statistics: of the train split's intensities, for `normalization.normalize`.
      results: content of results.json.
    """

    folder: Path
    config: Config
    model: Model
    statistics: normalization.Statistics
    results: dict


def load(folder: Path | str) -> Finished:
    """Reads the run in a folder; the data it was trained on are not needed.

    Raises:
      UserError: the folder holds no finished run, its model is damaged, or another version of this
        package wrote it.
    """
    folder = Path(folder)
    found = results.read_run(folder / "results.json")
    if found["status"] != results.FINISHED:
        raise UserError(
            f"{folder}: the run is not finished; give the command that began it again, with "
            "--resume"
        )
    try:
        config = resolve(found["config"])
        options = found["model"]["options"]
        statistics = normalization.from_json(found["model"]["normalization"])
        blank = backbones.blank(
            config.backbone, options, num_classes=len(LABELS), dtype=jnp.dtype(config.precision)
        )
    except (AttributeError, TypeError, KeyError, ValueError, UserError) as error:
        raise UserError(
            f"{folder / 'results.json'}: not of this version of jaxcbis "
            f"({type(error).__name__}: {error}); train it again"
        ) from error
    model = checkpoints.load_model(folder / "checkpoints", blank)
    return Finished(folder, config, model, statistics, found)
