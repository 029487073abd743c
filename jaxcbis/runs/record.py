"""The content of results.json, from the beginning of a run to its end."""

import os

from jaxcbis import config as options
from jaxcbis.config import Config
from jaxcbis.data import loading, normalization, summary
from jaxcbis.data.normalization import Statistics
from jaxcbis.data.patches import Dataset, lesion_side
from jaxcbis.machine import places
from jaxcbis.models.model import Model
from jaxcbis.records import results
from jaxcbis.report import tensorboard
from jaxcbis.report.blind import without_masks
from jaxcbis.runs import notes
from jaxcbis.runs.inputs import Start
from jaxcbis.training.phase import Progress


def begin(
    config: Config, dataset: Dataset, start: Start, threads: int, before: dict | None
) -> dict:
    """A run that has found nothing yet.

    Args:
      config: of the run.
      dataset, start: that it begins with.
      threads: of XLA on a CPU.
      before: its results so far, if it is resumed.

    Returns:
      Every key of `results.KEYS`, None where it is not known yet.
    """
    data = summary.describe(dataset)
    environment = notes.environment(threads, before)
    told = [
        *filter(None, [tensorboard.missing()]),
        *([notes.DEMO] if dataset.source == loading.DEMO else []),
        *dataset.notes,
        *_of_place(config),
        *notes.of_data(data, config.protocol),
        *([notes.centred(config.protocol)] if config.look_weight and config.centred else []),
        *notes.of_devices(environment),
        *start.notes,
    ]
    return dict.fromkeys(results.KEYS) | {
        "schema": results.SCHEMA,
        "status": results.INTERRUPTED,
        "config": options.recorded(config),
        "environment": environment,
        "data": data,
        "weights": start.source,
        "notes": [notes.UNFINISHED, *told],
    }


def _of_place(config: Config) -> list[str]:
    """Whether the data set is kept where it may not be found again."""
    if config.data_dir is not None or options.is_exported(config.data):
        return []
    return [note for note in [places.passing(os.environ)] if note]


def trained(
    model: Model, progress: Progress, statistics: Statistics, dataset: Dataset, timing: dict
) -> dict:
    """What training adds: its keys of results.json; `timing` takes its seconds and its rate."""
    in_epochs = sum(row["seconds"] for row in progress.history)
    epochs = sum(row["epoch"] > 0 for row in progress.history)
    timing["train_s"] = in_epochs + sum(phase["seconds"] for phase in progress.prefix)
    timing["train_images_per_s"] = epochs * len(dataset.splits["train"]) / in_epochs
    return {
        "model": {
            "options": model.architecture.options,
            "normalization": normalization.to_json(statistics),
            "lesion_side": lesion_side(dataset.splits["train"]),
        },
        "history": progress.history,
        "best": progress.best,
        "prefix": progress.prefix,
    }


def finish(found: dict, scores: dict, timing: dict) -> dict:
    """A finished run.

    Args:
      found: of `begin` and `trained`.
      scores: of `test.score`.
      timing: of all its parts.
    """
    told = [note for note in found["notes"] if note != notes.UNFINISHED]
    return (
        found
        | scores
        | {
            "status": results.FINISHED,
            "timing": timing,
            "notes": [
                *told,
                *notes.of_covering(
                    scores["covering"], masks=not without_masks(scores["localization"])
                ),
                *notes.of_maps(scores["localization"]),
                *notes.of_intervals(scores),
            ],
        }
    )
