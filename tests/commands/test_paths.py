"""What is wrong with a path is said before JAX is started, and before anything is written."""

import json

import numpy as np
import pytest

from jaxcbis.commands.main import main
from jaxcbis.data import exported
from jaxcbis.errors import UserError
from jaxcbis.machine import backend, files
from jaxcbis.records import paths, results
from jaxcbis.runs import claim
from jaxcbis.study import run as study
from tests.report import example_run


@pytest.fixture(autouse=True)
def no_jax(monkeypatch):
    """Whoever starts JAX fails."""

    def start(*_, **__):
        raise AssertionError("JAX was started first")

    monkeypatch.setattr(backend, "start", start)


@pytest.fixture
def run(tmp_path):
    """The folder of a finished run without a model."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "results.json").write_text(json.dumps(example_run.results()))
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("train", "--data", "nowhere", "--output", "new"), "--data nowhere: does not exist"),
        (("train", "--weights", "no.h5", "--output", "new"), "--weights no.h5: does not exist"),
        (("train", "--weights", ".", "--output", "new"), "--weights .: is a folder"),
        (
            ("train", "--data-dir", "file/x", "--output", "new"),
            "file is no folder; choose",
        ),
        (
            ("train", "--data-dir", "file", "--output", "new"),
            "file is no folder; choose",
        ),
        (("train", "--output", "file/new"), "cannot write file/new: Not a directory"),
        (("train", "--like", "nowhere.json"), "cannot read nowhere.json"),
        (("prepare", "--data", "nowhere"), "--data nowhere: does not exist"),
        (("prepare", "--data-dir", "file/x"), "file is no folder; choose"),
        (("study", "--data", "nowhere", "--output", "new"), "--data nowhere: does not exist"),
        (
            ("study", "--weights", "imagenet", "no.h5", "--output", "new"),
            "--weights no.h5: does not exist",
        ),
        (("train", "--data", "file", "--output", "new"), "file is no readable zip archive"),
        (("train", "--data", ".", "--output", "new"), ". holds no case-description CSV"),
        (("train", "--data", "own.npz", "--output", "new"), "--data own.npz: not a readable"),
        (("prepare", "--data", "cut.npz", "--beam", "x"), "--beam: is not used, as the patches of"),
        (
            ("train", "--data", "cut.npz", "--output", "new", "--protocol", "paper"),
            "cut by protocol clean, expected paper; export again",
        ),
        (
            ("study", "--data", "cut.npz", "--output", "new", "--image-size", "64"),
            "patches are 48 pixels wide, expected 64; export again",
        ),
        (("study", "--data", "file", "--output", "new"), "file is no readable zip archive"),
        (("study", "--output", "file/new"), "cannot write file/new: Not a directory"),
        (
            ("audit", "--run", "run", "--output", "file/new"),
            "file is no folder; choose",
        ),
        (("audit", "--run", "run", "nowhere", "--output", "new"), "cannot read nowhere/results"),
        (
            ("audit", "--data", "nowhere", "--run", "run", "--output", "new"),
            "--data nowhere: does not exist",
        ),
        (("froc", "--data", ".", "--run", "nowhere", "--output", "new"), "cannot read nowhere/"),
        (("froc", "--data", "nowhere", "--run", "run", "--output", "new"), "--data nowhere: does"),
        (
            ("froc", "--data", ".", "--run", "run", "--output", "file/new"),
            "file is no folder; choose",
        ),
        (("explain", "a.png", "--run", "nowhere"), "cannot read nowhere/results.json"),
        (
            ("explain", "a.png", "--run", "run", "--output", "file/new"),
            "cannot write file/new: Not",
        ),
        (("export", "nowhere", "--output", "model"), "cannot read nowhere/results.json"),
        (("export", "run", "--output", "run"), "--output run: is a folder; give a file"),
        (("export", "run", "--output", "file/model"), "cannot write file"),
    ],
)
def test_paths_are_looked_at_first(words, said, run, tmp_path, monkeypatch, refused_here):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "own.npz").touch()
    fields = dict.fromkeys(exported.NEEDED, "clean") | {"images": np.zeros((1, 48, 48), np.uint8)}
    np.savez(tmp_path / "cut.npz", **fields)
    assert said in refused_here(*words)
    assert not (tmp_path / "new").exists()


def test_a_finished_study_needs_nothing_any_more(tmp_path, monkeypatch, refused_here):
    asked = []
    monkeypatch.setattr(study, "run", lambda *words, **_: asked.append(words))
    words = ["study", "--data", "nowhere", "--weights", "no.h5", "--output", str(tmp_path)]
    results.write(tmp_path / "study.json", {"schema": 1, "status": results.INTERRUPTED})
    assert "--data nowhere: does not exist" in refused_here(*words)
    results.write(tmp_path / "study.json", {"schema": 1, "status": results.FINISHED})
    assert main(words) == 0
    assert len(asked) == 1


def test_a_run_that_is_not_finished_is_no_run_to_ask(run, refused_here):
    found = example_run.results() | {"status": "interrupted"}
    (run / "results.json").write_text(json.dumps(found))
    assert "the run is not finished" in refused_here("export", run, "--output", run / "model")
    assert "the run is not finished" in refused_here("show", run)


@pytest.mark.parametrize("words", [("train",), ("study",)])
def test_a_folder_that_is_there_is_tried_first(words, tmp_path, monkeypatch, refused_here):
    reserve = files.reserve

    def read_only(folder, size):
        if folder == tmp_path:
            raise OSError(30, "Read-only file system")
        reserve(folder, size)  # of caches

    monkeypatch.setattr(files, "reserve", read_only)
    line = refused_here(*words, "--output", tmp_path)
    assert f"cannot write to {tmp_path}: Read-only file system; choose another --output" in line


def test_data_sets_that_are_there_may_be_for_reading_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(paths.os, "access", lambda *_: False)
    paths.require_folder("--data-dir", tmp_path, to_write=False)
    for folder, to_write in ((tmp_path / "new", False), (tmp_path, True)):
        with pytest.raises(UserError, match=f"{tmp_path} cannot be written to; choose"):
            paths.require_folder("--data-dir", folder, to_write=to_write)


def test_claiming_a_folder_leaves_nothing_in_it(tmp_path):
    from jaxcbis.config import resolve

    assert claim.claim(tmp_path / "run", resolve({})) is None
    assert list((tmp_path / "run").iterdir()) == []
