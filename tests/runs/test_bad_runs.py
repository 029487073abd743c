"""Runs and weights that were tampered with: one line that says what is wrong, and nothing run."""

import json
import os
import pickle
import shutil

import numpy as np
import pytest
from PIL import Image

from jaxcbis.errors import UserError
from jaxcbis.models.backbones import load
from tests import tiny_run

ABSENT = object()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tiny_run.write(tmp_path_factory.mktemp("bad") / "run")


@pytest.fixture
def patch(tmp_path):
    Image.fromarray(np.full((40, 40), 99, np.uint8)).save(tmp_path / "patch.png")
    return tmp_path / "patch.png"


def tampered(run, folder, **changes):
    """The run with other keys in results.json; `ABSENT` leaves a key out."""
    folder.mkdir()
    (folder / "checkpoints").symlink_to(run / "checkpoints")
    found = json.loads((run / "results.json").read_text()) | changes
    kept = {key: value for key, value in found.items() if value is not ABSENT}
    (folder / "results.json").write_text(json.dumps(kept))
    return folder


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": ABSENT}, "lacks status"),
        ({"status": "done"}, "status 'done', expected one of interrupted, finished"),
        ({"config": ABSENT}, "lacks config"),
        ({"config": "vgg16"}, "has no config"),
        ({"model": "?"}, "has no model"),
        ({"schema": 2}, "schema 2, expected 1"),
    ],
)
def test_results_of_something_else(run, patch, tmp_path, refused_here, changes, said):
    folder = tampered(run, tmp_path / "run", **changes)
    for words in (
        ("explain", patch, "--run", folder),
        ("report", folder),
        ("audit", "--run", folder, "--output", tmp_path / "audit"),
        ("export", folder, "--output", tmp_path / "file"),
        ("train", "--output", folder, "--resume"),
        ("train", "--output", folder),
    ):
        assert said in refused_here(*words), words


@pytest.mark.parametrize(
    ("part", "changes", "said"),
    [
        ("config", {"backbone": "alexnet"}, "alexnet"),
        ("config", {"image_size": "large"}, "TypeError"),
        ("config", {"precision": "int7"}, "int7"),
        ("config", {"surprise": 1}, "surprise"),
        ("model", {"options": None}, "not of this version"),
        ("model", {"options": {"surprise": 1}}, "surprise"),
        ("model", {"normalization": None}, "not of this version"),
        ("model", {"normalization": {}}, "mean"),
        ("config", {"backbone": "resnet50"}, "it is of another model (missing: params/layer1"),
        ("config", {"backbone": "vgg16"}, "--output-stride 32: vgg16 has 16 only"),
    ],
)
def test_a_finished_run_that_is_inconsistent(
    run, patch, tmp_path, refused_here, part, changes, said
):
    whole = json.loads((run / "results.json").read_text())[part] | changes
    folder = tampered(run, tmp_path / "run", **{part: whole})
    assert said in refused_here("explain", patch, "--run", folder)


def test_a_model_that_is_damaged_or_gone(run, patch, tmp_path, refused_here):
    folder = shutil.copytree(run, tmp_path / "run")
    model = folder / "checkpoints" / "model"
    largest = max((f for f in model.rglob("*") if f.is_file()), key=lambda f: f.stat().st_size)
    with largest.open("r+b") as file:
        file.seek(largest.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    line = refused_here("explain", patch, "--run", folder)
    assert f"{largest.relative_to(model)} holds other bytes" in line
    shutil.rmtree(model)
    assert "no such folder" in refused_here("explain", patch, "--run", folder)


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".h5", ".npz"])
def test_no_code_in_a_file_is_run(tmp_path, refused_here, suffix):
    trap, file = tmp_path / "trap", tmp_path / f"file{suffix}"
    with file.open("wb") as stream:
        pickle.dump(Trap(trap), stream)
    if suffix == ".npz":
        words = ("train", "--data", file, "--output", tmp_path / "run")
        assert "file.npz" in refused_here(*words)
        np.savez(file, images=np.array([Trap(trap)], object))
        assert "file.npz" in refused_here(*words)
    else:
        with pytest.raises(UserError, match=f"file{suffix}"):
            load("vgg16", weights=str(file))
    assert not trap.exists()
    pickle.loads(pickle.dumps(Trap(trap)))
    assert trap.exists(), "the trap does not work"
