"""The examples in the docstrings of what `import jaxcbis` offers, run as a user would."""

import doctest
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

import jaxcbis
from jaxcbis.designs import BACKBONES
from jaxcbis.mammograms import run as training
from tests import stripes, tiny_mammogram, tiny_run
from tests.tfds_cbis.toy_release import film

FUNCTIONS = [
    name for name in jaxcbis.__all__ if callable(getattr(jaxcbis, name)) and name != "UserError"
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A place as the examples have it: runs, a patch, a mammogram, patches in a file.

    ResNet50 is the tiny one there, whose training takes a second.
    """
    place = tmp_path_factory.mktemp("examples")
    run = place / "runs" / "resnet50-s2-paper-seed0"
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (24, 18)).astype(np.uint8)).save(place / "patch.png")
    Image.fromarray(film(80, 60)).save(place / "mammogram.png")
    stripes.write(place / "mine.npz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKBONES, "resnet50", BACKBONES["tiny"])
        tiny_run.write(run, backbone="resnet50", lesion_side=16.4)
        tiny_mammogram.write(place / "runs" / "mammogram", backbones=("resnet50",))
        yield place


@pytest.fixture(scope="module")
def run(folder):
    return jaxcbis.load(folder / "runs" / "resnet50-s2-paper-seed0")


@pytest.fixture(scope="module")
def whole(folder):
    return jaxcbis.load(folder / "runs" / "mammogram")


@pytest.fixture
def names(folder, run, whole, monkeypatch):
    """What the examples know; the training of mammograms, which takes long, is left out."""
    monkeypatch.chdir(folder)
    write = tiny_mammogram.write
    monkeypatch.setattr(training, "run", lambda config: write(Path(config.output)))
    return {"jax": jax, "jaxcbis": jaxcbis, "np": np, "run": run, "whole": whole}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_name_has_an_example_that_runs(name, names):
    found = doctest.DocTestFinder(recurse=True).find(
        getattr(jaxcbis, name), f"jaxcbis.{name}", globs=names
    )
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    with tiny_run.no_reports():
        for test in found:
            runner.run(test)
    assert runner.summarize(verbose=False).failed == 0
    assert runner.tries > 0


def test_every_public_method_has_an_example():
    for kind in (
        jaxcbis.Explanation, jaxcbis.Finished,
        jaxcbis.MammogramExplanation, jaxcbis.FinishedMammogram,
    ):  # fmt: skip
        for name, member in vars(kind).items():
            if callable(member) and not name.startswith("_"):
                assert ">>>" in (member.__doc__ or ""), name
