"""The study: what it chooses, what it shows, and the command from the outside."""

import csv
import io
import json
import subprocess
import time

import numpy as np
import pytest
from jaxcbis.study.study import Cell
from rich.console import Console

from jaxcbis.report import tables
from jaxcbis.study import board, study, study_tables
from tests.report import example_run
from tests.runs.test_run import OFFLINE, ROOT, command, export, refused, run


def cell(val_loss, accuracy, *, batch_size=8, seed=0, backbone="vgg19", run="a", seconds=60.0):
    return {
        "backbone": backbone, "strategy": "s1", "seed": seed, "val_loss": val_loss, "run": run,
        "hyperparameters": {"batch_size": batch_size, "backbone_lr": 3e-5, "head_lr": 1e-4},
        "seconds": seconds, "epochs": 3,
        "test": {"accuracy": accuracy, "auc_mean": 0.5, "auc_hard_mean": 0.5},
        "localization": {"ll_score": None},
    }  # fmt: skip


def test_the_lowest_validation_loss_is_chosen_whatever_the_test_says():
    cells = [cell(0.5, 0.9, run="a"), cell(0.4, 0.1, batch_size=16, run="b")]
    (chosen,) = study.choose(cells)
    assert chosen["run"] == "b"


def test_sets_are_compared_by_their_mean_over_seeds_and_no_seed_is_chosen():
    cells = [
        cell(0.1, 0.5, seed=0, run="a0"), cell(0.9, 0.5, seed=1, run="a1"),
        cell(0.4, 0.6, seed=0, batch_size=16, run="b0"),
        cell(0.2, 0.8, seed=1, batch_size=16, run="b1"),
    ]  # fmt: skip
    (chosen,) = study.choose(cells)
    assert chosen["run"] == "b0"
    assert chosen["val_loss"] == pytest.approx(0.3)
    assert chosen["seeds"]["accuracy"]["mean"] == pytest.approx(0.7)
    assert chosen["seeds"]["accuracy"]["deviation"] == pytest.approx(np.std([0.6, 0.8], ddof=1))
    assert chosen["seeds"]["ll_score"] == {"mean": None, "deviation": None, "values": [None, None]}


def test_time_left_goes_by_the_most_alike_runs():
    cells = [
        Cell(backbone, strategy, 8, 3e-5, seed)
        for backbone in ("vgg19", "resnet50") for strategy in ("s1", "s2") for seed in (0, 1)
    ]  # fmt: skip
    done = [cell(1, 1, seed=0, seconds=10.0), cell(1, 1, backbone="resnet50", seconds=100.0)]
    # vgg19: one of s1 like its own, two of s2 like s1; resnet50 the same
    assert board.seconds_left(cells, done) == pytest.approx(3 * 10 + 3 * 100)
    assert board.seconds_left(cells, []) is None


def record():
    """study.json of two runs, and their results."""
    runs = {name: example_run.results(strategy=name) for name in ("s1", "s2")}
    cells = [
        cell(0.5, result["test"]["accuracy"], run=name, backbone="resnet50")
        | {"strategy": name, "test": result["test"], "localization": result["localization"]}
        for name, result in runs.items()
    ]
    found = {
        "cells": cells, "chosen": study.choose(cells), "notes": ["a note"],
        "comparisons": [
            {
                "runs": ["s1", "s2"],
                "mcnemar": {"only_first": 1, "only_second": 2, "p": 1.0},
                "differences": {
                    name: {"difference": 0.1, "ci95": [0.05, 0.2]}
                    for name in ("accuracy", "auc_mean", "ll_score")
                },
            }
        ],
    }  # fmt: skip
    return found, runs


def test_tables_fit_the_terminal_and_hold_the_figures(tmp_path):
    found, runs = record()
    shown = study_tables.write(tmp_path, found, runs)
    terminal = Console(width=80, file=io.StringIO())
    for table in shown:
        terminal.print(tables.rendered(table))
    assert "…" not in terminal.file.getvalue()
    with (tmp_path / "tables" / "table-2-classification.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["model"] == "resnet50 s1"
    assert rows[0]["accuracy (95 %)"].startswith(f"{runs['s1']['test']['accuracy']:.2f} (")
    assert rows[1]["accuracy (95 %)"].startswith("0.67 (")  # the paper's
    with (tmp_path / "tables" / "differences.csv").open(newline="") as file:
        assert [row["noise"] for row in csv.DictReader(file)] == ["beyond"] * 3
    tex = (tmp_path / "tables.tex").read_text()
    assert tex.count(r"\begin{table}") == len(shown)
    assert "95 \\%" in tex


def test_tables_tell_the_spread_over_seeds(tmp_path):
    found, runs = record()
    again = [row | {"seed": 1, "test": row["test"] | {"accuracy": 0.5}} for row in found["cells"]]
    study_tables.write(tmp_path, found | {"chosen": study.choose(found["cells"] + again)}, runs)
    with (tmp_path / "tables" / "seeds.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    pair = [found["cells"][0]["test"]["accuracy"], 0.5]
    assert row["seeds"] == "2"
    assert row["accuracy"] == f"{np.mean(pair):.3f} ± {np.std(pair, ddof=1):.3f}"


@pytest.fixture(scope="module")
def exported(tmp_path_factory, demo_dir):
    folder = tmp_path_factory.mktemp("study")
    file = folder / "patches.npz"
    export(demo_dir, file)
    return file


#: The program with two hyperparameter sets: six would take long.
TWO_SETS = (
    "-c",
    "import sys; from jaxcbis import cli, study; study.BATCH_SIZES = (23,); "
    "sys.exit(cli.main(sys.argv[1:]))",
)
STUDY = (
    "study", "--backbones", "resnet34", "--strategies", "s2", "--weights", "random",
    "--image-size", "32", "--epochs", "1",
)  # fmt: skip


def test_every_backbone_strategy_seed_and_set_has_a_run_of_its_own(tmp_path, monkeypatch):
    begun = []

    def note(configs, *rest):
        begun.extend(configs)
        raise KeyboardInterrupt

    monkeypatch.setattr(study.study_runs, "do", note)
    with pytest.raises(KeyboardInterrupt):
        study.run({}, ["vgg16", "resnet34"], ["s1", "s2"], 3, ["a", "b"], tmp_path / "study")
    seen = {(c.backbone, c.weights, c.strategy, c.seed, c.batch_size, c.backbone_lr) for c in begun}
    assert seen == {
        (*pair, strategy, seed, batch_size, rate)
        for pair in (("vgg16", "a"), ("resnet34", "b")) for strategy in ("s1", "s2")
        for seed in range(3) for batch_size in (8, 16, 32) for rate in (3e-5, 3e-4)
    }  # fmt: skip
    assert len({c.output for c in begun}) == len(begun) == 72


def kill(words, ready):
    """Starts a study and kills it as soon as it is ready."""
    process = subprocess.Popen(
        command(*words, program=TWO_SETS), cwd=ROOT, env=OFFLINE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None and not ready():
        time.sleep(0.05)
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def studied(exported, tmp_path_factory):
    """A study that was killed and went on: its folder, what was done before, what it said then."""
    folder = tmp_path_factory.mktemp("studied") / "study"
    words = (*STUDY, "--data", exported, "--output", folder)
    path = folder / "study.json"
    kill(words, lambda: path.exists() and json.loads(path.read_text())["cells"])
    before = json.loads(path.read_text())
    return folder, before, run(*words, program=TWO_SETS)


def test_a_killed_study_goes_on_to_what_single_runs_give(exported, studied, tmp_path, refused_here):
    folder, before, done = studied
    assert before["status"] == "interrupted"
    assert before["cells"]
    assert "of them are done already" in done.stdout
    found = json.loads((folder / "study.json").read_text())
    assert found["status"] == "finished"
    assert len(found["cells"]) == 2
    assert found["cells"][0]["test"] == before["cells"][0]["test"]
    assert found["cells"][0]["seconds"] == before["cells"][0]["seconds"]  # not run again
    (chosen,) = found["chosen"]
    best = min(found["cells"], key=lambda row: row["val_loss"])
    assert chosen["run"] == best["run"]
    for name in ("tables.md", "tables.tex", "report.html"):
        assert (folder / name).stat().st_size
    assert not (folder / "tables" / "differences.csv").exists(), "one model differs from none"

    last = found["cells"][-1]
    sets = last["hyperparameters"]
    run("--data", exported, "--weights", "random", "--backbone", "resnet34", "--strategy", "s2",
        "--image-size", 32, "--epochs", 1, "--batch-size", sets["batch_size"],
        "--backbone-lr", sets["backbone_lr"], "--output", tmp_path / "single")  # fmt: skip
    single = json.loads((tmp_path / "single" / "results.json").read_text())
    assert last["test"] == single["test"]
    assert last["localization"] == single["localization"]

    words = (*STUDY, "--data", exported, "--output", folder, "--patience", 3)
    assert "patience was 7, is 3" in refused_here(*words)


def test_runs_side_by_side_give_the_same_study(exported, studied, tmp_path):
    words = (*STUDY, "--data", exported, "--parallel", "runs", "--output", tmp_path / "study")
    two = OFFLINE | {"JAX_NUM_CPU_DEVICES": "2"}
    done = run(*words, program=TWO_SETS, env=two)
    assert "on 2 x cpu (cpu), one run on each" in done.stdout
    alone, both = (
        json.loads((folder / "study.json").read_text())
        for folder in (studied[0], tmp_path / "study")
    )
    for row in (*alone["cells"], *both["cells"]):
        row.pop("seconds")
    assert both == alone


def test_what_is_wrong_with_runs_side_by_side_is_one_line(exported, tmp_path):
    (tmp_path / "bad.h5").write_text("no weights")
    words = (
        *STUDY, "--data", exported, "--parallel", "runs", "--output", tmp_path / "study",
        "--weights", tmp_path / "bad.h5",
    )  # fmt: skip
    assert "bad.h5" in refused(*words, program=("-m", "jaxcbis"))
    line = refused(*words, "--device", "gpu", program=("-m", "jaxcbis"))
    assert "JAX finds no GPU" in line


def test_weights_must_fit_the_backbones(tmp_path, refused_here):
    words = ("study", "--weights", "a.h5", "b.h5", "c.h5")
    line = refused_here(*words, "--output", tmp_path / "study")
    assert "got 3 for 2 backbones" in line
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize("name", ["full", "file", "file/study"])
def test_a_folder_that_cannot_hold_a_study_is_refused(tmp_path, name, refused_here):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("mine")
    (tmp_path / "file").write_text("mine")
    line = refused_here("study", "--output", tmp_path / name)
    assert str(tmp_path / name) in line
    assert (tmp_path / "full" / "thesis.tex").read_text() == "mine"
