"""What a run may be resumed with: told before JAX starts, or recorded at the end."""

import dataclasses
import json

import numpy as np
import pytest

from jaxcbis.commands.main import main
from jaxcbis.config import resolve
from jaxcbis.data import exported, summary
from jaxcbis.records import results
from tests import stripes, tiny_run

RUN = (
    "train", "--backbone", "tiny", "--weights", "random", "--strategy", "s2", "--epochs", "1",
    "--batch-size", "20", "--image-size", stripes.SIZE, "--quiet",
)  # fmt: skip


@pytest.fixture
def begun(tmp_path):
    """A run that was interrupted before its first checkpoint, and the data it began with."""
    file = stripes.write(tmp_path / "patches.npz")
    dataset = exported.load(file, stripes.SIZE, "paper")
    given = {
        "data": str(file), "backbone": "tiny", "weights": "random", "epochs": 1, "batch_size": 20,
        "image_size": stripes.SIZE,
    }  # fmt: skip
    found = dict.fromkeys(results.KEYS) | {
        "schema": results.SCHEMA, "status": results.INTERRUPTED, "notes": [],
        "config": dataclasses.asdict(resolve(given)), "environment": {"threads": 2},
        "data": summary.describe(dataset) | {"source": "what it was called then"},
    }  # fmt: skip
    (tmp_path / "run").mkdir()
    results.write(tmp_path / "run" / "results.json", found)
    return tmp_path / "run", file


def test_the_same_data_by_another_name_and_another_scoring_go_on(
    begun, monkeypatch, refused_here, capfd
):
    run, data = begun
    monkeypatch.chdir(data.parent)
    given = (*RUN, "--data", data.name, "--output", run, "--resume")
    assert "batch_size was 20, is 4" in refused_here(*given, "--batch-size", 4)
    changed = ("--cam-threshold", 0.25, "--cam-method", "hirescam")
    with tiny_run.no_reports():
        assert main([*map(str, (*given, *changed))]) == 0
    assert capfd.readouterr().out == "", "--quiet trains without a word"
    found = json.loads((run / "results.json").read_text())
    assert found["status"] == results.FINISHED
    assert (found["config"]["cam_threshold"], found["config"]["cam_method"]) == (0.25, "hirescam")
    assert found["localization"]["threshold"] == 0.25
    # What has its figures keeps the threshold they were made with.
    line = refused_here(*given, "--cam-threshold", 0.5, "--cam-method", "hirescam")
    assert "cam_threshold was 0.25, is 0.5" in line


def test_a_study_has_one_scoring_for_all_its_runs(tmp_path, refused_here):
    fields = dict.fromkeys(exported.NEEDED, "paper") | {"images": np.zeros((1, 224, 224), np.uint8)}
    np.savez(tmp_path / "broken.npz", **fields)  # passes at first sight
    given = ("--data", tmp_path / "broken.npz", "--weights", "random")
    words = ("study", *given, "--output", tmp_path / "s")
    assert "broken.npz" in refused_here(*words)  # begun, and nothing done
    line = refused_here(*words, "--cam-threshold", 0.25)
    assert "holds a study with other options (cam_threshold was 0.5, is 0.25)" in line
