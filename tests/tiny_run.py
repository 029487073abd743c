"""Finished runs for what reads runs back, without training or without a report."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import tests.tiny  # noqa: F401 - registers its backbones
from jaxcbis import config
from jaxcbis.data import normalization
from jaxcbis.evaluation import activation_maps
from jaxcbis.models import backbones
from jaxcbis.models.model import Model
from jaxcbis.records import results
from jaxcbis.report import run_report
from jaxcbis.runs import train
from jaxcbis.training import checkpoints
from jaxcbis.training.fit import Fitted
from jaxcbis.training.phase import Progress
from tests.report import example_run

SIZE = 32


def write(folder: Path, *, backbone: str = "tiny", **model) -> Path:
    """Writes results.json and the model; `model` adds to its facts in results.json."""
    given = {"backbone": backbone, "weights": "random", "image_size": SIZE, "output": str(folder)}
    fresh = turned_up(backbones.load(backbone, weights="random").model)
    statistics = normalization.measure(
        np.random.default_rng(0).integers(0, 256, (20, 8, 8), np.uint8), np.arange(20) % 5
    )
    facts = {
        "options": fresh.architecture.options,
        "normalization": normalization.to_json(statistics),
    }
    record = example_run.results(backbone=backbone, demo=True) | {
        "config": dataclasses.asdict(config.resolve(given)),
        "model": facts | model,
    }
    folder.mkdir(parents=True)
    results.write(folder / "results.json", record)
    (folder / "checkpoints").mkdir()
    checkpoints.save_model(folder / "checkpoints", fresh)
    return folder


def turned_up(model: Model) -> Model:
    """A fresh model whose head is turned up, so that its answers differ from image to image."""
    model.params["head"]["linear"]["kernel"] *= 30
    return model


@contextmanager
def no_training() -> Iterator[None]:
    """Runs test the model that they begin with; what is told of its training is made up.

    Its head is turned up and prefers no class, so that it answers with several.
    """
    told = example_run.results()

    def skip(config, model, dataset, statistics, *_):
        (Path(config.output) / "checkpoints").mkdir()
        inputs = normalization.normalize(dataset.splits["train"].images, statistics)
        preferred = activation_maps.logits(turned_up(model), inputs).mean(0)
        model.params["head"]["linear"]["bias"] -= preferred
        return Fitted(model, Progress(told["history"], told["best"], []))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "train", skip)
        yield


@contextmanager
def no_reports() -> Iterator[None]:
    """Runs leave what other programs read and draw nothing, which takes most of their time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_report, "write", lambda *_: None)
        yield
