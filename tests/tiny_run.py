"""Finished runs for what reads runs back: one that was never trained, and ones without a report."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import tests.tiny  # noqa: F401 - registers its backbones
from jaxcbis import config
from jaxcbis.data import normalization
from jaxcbis.models import backbones
from jaxcbis.records import results
from jaxcbis.report import run_report
from jaxcbis.training import checkpoints
from tests.report import example_run

SIZE = 32


def write(folder: Path, *, backbone: str = "vgg16", **model) -> Path:
    """Writes results.json and the model; `model` adds to its facts in results.json.

    The head is turned up, so that its answers differ from image to image.
    """
    given = {"backbone": backbone, "weights": "random", "image_size": SIZE, "output": str(folder)}
    fresh = backbones.load(backbone, weights="random").model
    fresh.params["head"]["linear"]["kernel"] *= 30
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


@contextmanager
def no_reports() -> Iterator[None]:
    """Runs leave what other programs read and draw nothing, which takes most of their time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_report, "write", lambda *_: None)
        yield
