"""The data's names come first, then the weights, then what can take hours: preparing a release."""

import itertools

import numpy as np
import pytest
from safetensors.numpy import save_file

from jaxcbis.config import resolve
from jaxcbis.errors import UserError
from jaxcbis.runs import inputs
from jaxcbis.study import execution
from tests import weights_file


@pytest.fixture
def no_data(monkeypatch):
    """Whoever prepares the data fails."""

    def load_data(config):
        raise AssertionError("the data were prepared first")

    monkeypatch.setattr(inputs, "load_data", load_data)


@pytest.fixture
def misfit(tmp_path):
    file = tmp_path / "misfit.safetensors"
    save_file({"conv1.weight": np.ones((4, 3, 3, 3), np.float32)}, file)
    return file


def test_a_run_looks_at_its_weights_first(no_data, misfit, tmp_path, refused_here):
    release = tmp_path / "release"
    words = ("train", "--data", release, "--backbone", "tiny", "--output", tmp_path / "run")
    series = release / "jpeg" / "1.2.3"
    series.mkdir(parents=True)
    assert "holds no case-description CSV" in refused_here(*words, "--weights", misfit)
    for kind, split in itertools.product(("mass", "calc"), ("train", "test")):
        (release / f"{kind}_case_description_{split}_set.csv").touch()
    (series / "1-001.jpg").touch()
    assert "do not fit tiny" in refused_here(*words, "--weights", misfit)
    assert "offline" in refused_here(*words) or "unavailable" in refused_here(*words)
    assert not (tmp_path / "run" / "results.json").exists()


def test_data_that_are_absent_are_said_before_weights_are_fetched(tmp_path, refused_here):
    words = ("--backbone", "tiny", "--output", tmp_path / "out")
    assert "nowhere: does not exist" in refused_here("train", "--data", "nowhere", *words)


@pytest.mark.parametrize("processes", [0, 2])
def test_a_study_looks_at_the_weights_of_every_backbone_first(
    no_data, misfit, tmp_path, monkeypatch, processes
):
    """With a process for each device, in one of its own."""
    good = tmp_path / "good.safetensors"
    save_file(weights_file.arrays("tiny"), good)
    configs = [
        resolve({"backbone": backbone, "weights": str(file), "data": str(tmp_path), "seed": seed})
        for backbone, file in (("tiny", good), ("tiny_vgg", misfit))
        for seed in (0, 1)
    ]
    apart = []

    def alone(function, *arguments):
        apart.append(function)
        return function(*arguments)

    monkeypatch.setattr(execution.workers, "apart", alone)
    machine = execution.Machine(1, processes, None, "a machine")
    with pytest.raises(UserError, match="do not fit tiny_vgg"):
        execution.do(configs, lambda config, row: None, machine)
    assert len(apart) == (processes > 0)
    with pytest.raises(AssertionError, match="prepared first"):
        execution.do(configs[:2], lambda config, row: None, machine)


def test_what_is_doubtful_about_weights_is_said_and_noted(tmp_path, capfd):
    file = tmp_path / "caffe.safetensors"
    arrays = weights_file.arrays("tiny")
    save_file(arrays | {"bn1.running_var": arrays["bn1.running_var"] * 255**2}, file)
    start = inputs.load_model(resolve({"backbone": "tiny", "weights": str(file)}))
    (note,) = start.notes
    assert "made for another input" in note
    assert "WEIGHTS: weights" in capfd.readouterr().out
