"""train --like: the options of an earlier run, under those given."""

import dataclasses
import json

import numpy as np
import pytest

from jaxcbis.commands.main import main
from jaxcbis.config import recorded, resolve
from jaxcbis.data import exported
from jaxcbis.runs import run as one_run


@pytest.fixture
def asked(monkeypatch):
    """What the runs were asked for."""
    configs = []
    monkeypatch.setattr(one_run, "run", configs.append)
    return configs


@pytest.fixture
def earlier(tmp_path):
    """Writes the results.json of an earlier run; returns it and its options."""

    def write(given, **changes):
        options = recorded(resolve(given))
        folder = tmp_path / "earlier"
        folder.mkdir(exist_ok=True)
        (tmp_path / "a.npz").touch()
        file = folder / "results.json"
        file.write_text(json.dumps({"schema": 1, "config": options | changes}))
        return file, options

    return write


GIVEN = {
    "backbone": "resnet50", "strategy": "s2", "protocol": "shifted", "windows": 5,
    "look_weight": 0.5, "weights": "random", "seed": 2, "image_size": 112, "deterministic": True,
    "cam_method": "hirescam", "output_stride": 16,
}  # fmt: skip


def test_its_options_are_taken(asked, earlier, tmp_path, capsys):
    file, options = earlier(GIVEN | {"data": str(tmp_path / "release"), "output": "there"})
    (tmp_path / "release").mkdir()
    assert main(["train", "--like", str(file)]) == 0
    now = dataclasses.asdict(asked[0])
    assert now.pop("output") == "runs/resnet50-s2-shifted-seed2"
    assert now == {key: options[key] for key in now}
    (said,) = capsys.readouterr().out.splitlines()
    assert said.startswith(f"Like     {file}: --backbone resnet50 --strategy s2")
    assert "--look-weight 0.5" in said
    assert "there" not in said


def test_what_is_given_wins_and_a_folder_will_do(asked, earlier):
    file, _ = earlier(GIVEN)
    words = ["--like", str(file.parent), "--seed", "1", "--look-weight", "0", "--quiet"]
    assert main(["train", *words]) == 0
    assert (asked[0].seed, asked[0].look_weight, asked[0].windows) == (1, 0, 5)
    assert asked[0].output == "runs/resnet50-s2-shifted-seed1"


def test_its_windows_are_left_out_under_another_protocol(asked, earlier, capsys):
    file, _ = earlier(GIVEN)
    words = ["train", "--like", str(file), "--protocol", "clean"]
    assert main([*words, "--quiet"]) == 0
    assert asked[0].windows is None
    assert "--windows" not in capsys.readouterr().err
    assert main([*words, "--windows", "4", "--quiet"]) == 0  # given again, it is told
    assert "--windows 4 is not used: it counts only under" in capsys.readouterr().err


def test_another_backbone_has_its_own_defaults(asked, earlier):
    file, _ = earlier({"backbone": "resnet50", "data": "a.npz", "epochs": 3, "weights": "random"})
    given = ["--like", str(file), "--backbone", "vgg19", "--data", str(file)]
    assert main(["train", *given, "--quiet"]) == 0
    assert (asked[0].head, asked[0].output_stride) == ("flatten", 16)
    assert (asked[0].backbone_lr, asked[0].epochs) == (3e-5, 3)


def test_neither_hosts_nor_resume_are_taken(asked, earlier):
    hosts = {"coordinator": "a:1", "num_processes": 2, "process_id": 1}
    file, _ = earlier({"weights": "random"}, **hosts, resume=True, data_dir="/gone", device="gpu")
    assert main(["train", "--like", str(file), "--quiet"]) == 0
    now = asked[0]
    assert (now.coordinator, now.num_processes, now.process_id) == (None, None, None)
    assert (now.resume, now.data_dir, now.device) == (False, None, "auto")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"surprise": 1}, "has an option that this version lacks: surprise"),
        ({"backbone": "alexnet"}, "--backbone alexnet: expected one of"),
        ({"epochs": "many"}, "--epochs"),
        ({"epochs": 0}, "--epochs 0: expected a number of at least 1"),
        ({"epochs": [1, 2]}, "--epochs"),
    ],
)
def test_what_cannot_be_taken_is_refused(asked, earlier, refused_here, changes, said):
    file, _ = earlier({}, **changes)
    line = refused_here("train", "--like", file)
    assert f"--like {file}: " in line
    assert said in line
    assert asked == []


@pytest.mark.parametrize("content", [{"schema": 1}, {"schema": 1, "config": {"data": None}}])
def test_results_of_something_else_are_refused(content, tmp_path, refused_here):
    (tmp_path / "study.json").write_text(json.dumps(content))
    assert "holds no options of a run" in refused_here("train", "--like", tmp_path / "study.json")


def test_the_options_of_a_file_of_patches_are_said(asked, tmp_path, capsys):
    file = tmp_path / "own.npz"
    fields = dict.fromkeys(exported.NEEDED, "clean") | {"images": np.zeros((1, 48, 48), np.uint8)}
    np.savez(file, **fields)
    words = ["train", "--data", str(file), "--weights", "random"]
    assert main(words) == 0
    assert capsys.readouterr().out == f"File     {file}: --protocol clean --image-size 48\n"
    assert main([*words, "--image-size", "64", "--protocol", "paper"]) == 0
    assert capsys.readouterr().out == ""
    assert [(run.image_size, run.protocol) for run in asked] == [(48, "clean"), (64, "paper")]
