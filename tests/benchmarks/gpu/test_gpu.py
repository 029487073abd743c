"""The whole session for a GPU, on a CPU with the smallest work that it takes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from benchmarks import tables
from benchmarks.__main__ import COMMANDS, main
from benchmarks.gpu import command as gpu
from benchmarks.gpu import runs as gpu_runs
from benchmarks.gpu.session import Step
from benchmarks.mammograms import command as mammograms
from benchmarks.speed import machine
from jaxcbis.commands.main import main as jaxcbis_main
from jaxcbis.data import exported
from jaxcbis.data.patches import Dataset, Patches
from tests.benchmarks.gpu.test_session import alive
from tests.conftest import ROOT

SIZE = 32
SMALL = (
    "--device", "cpu", "--models", "vgg16", "--weights", "random", "--image-size", str(SIZE),
    "--batch", "4", "--images", "4", "--epochs", "1", "--repetitions", "1",
    "--tuning-seconds", "1",
)  # fmt: skip


def made(count, name):
    """Noise with a bright square, brighter from class to class."""
    rng = np.random.default_rng(count)
    labels = (np.arange(count) % 5).astype(np.int32)
    images = rng.integers(0, 120, (count, SIZE, SIZE)) + 30 * labels[:, None, None]
    masks = np.zeros((count, SIZE, SIZE), bool)
    masks[labels > 0, 8:20, 8:20] = True
    ids = np.array([f"{name}{i}" for i in range(count)])
    sizes = np.full((count, 2), 64, np.int32)
    return Patches(images.astype(np.uint8), masks, labels, ids, ids, sizes)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    file = tmp_path_factory.mktemp("data") / "patches.npz"
    splits = {"train": made(20, "a"), "validation": made(10, "b"), "test": made(11, "c")}
    exported.save(file, Dataset(splits, "made", "made", []), "paper")
    return file


@pytest.fixture(scope="module")
def session(data, tmp_path_factory):
    """Its folder, after a session with the smallest work."""
    folder = tmp_path_factory.mktemp("session") / "out"
    words = [sys.executable, "-m", "benchmarks", "gpu", "--data", data, *SMALL]
    words += ["--output", folder, "--seconds", "1200"]  # enough on a busy machine, too
    done = subprocess.run([*map(str, words)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def read(session, name):
    file = session / f"gpu-{name}.json"
    if not file.exists():
        pytest.skip(f"{name} did not come to its turn on this machine")
    return json.loads(file.read_text())


def states(session):
    steps = json.loads((session / "summary.json").read_text())["steps"]
    return {step["step"]: step["state"] for step in steps}


@pytest.mark.full
def test_every_step_is_done_or_cut_and_none_fails(session):
    found = states(session)
    assert list(found)[:4] == [
        "machine", "parity-vgg16", "rows-vgg16-steps", "run-vgg16-s2",
    ]  # fmt: skip
    assert set(found) >= {
        "run-vgg16-s1", "mammograms", "rows-vgg16-epochs", "study", "rows-vgg16-maps",
        "profile-vgg16", "rows-vgg16-others",
    }  # fmt: skip
    logs = {name: (session / "logs" / f"{name}.log") for name in found}
    failed = {name: logs[name].read_text() for name, state in found.items() if state == "failed"}
    assert not failed
    assert len((session / "summary.txt").read_text().splitlines()) == len(found)
    assert {found[name] for name in ("machine", "parity-vgg16", "run-vgg16-s2")} == {"done"}


@pytest.mark.full
def test_what_is_done_left_its_results(session):
    for name, state in states(session).items():
        if state == "done":
            assert (session / f"gpu-{name}.json").exists(), name


@pytest.mark.full
def test_the_machine_and_its_parity(session):
    assert read(session, "machine")["hardware"]["matmul_flops"]["float32"] > 1e8
    rows = {row["kind"]: row for row in read(session, "parity-vgg16")["rows"]}
    assert set(rows) == {"float32", "bfloat16"}
    assert rows["float32"]["ok"]
    assert rows["float32"]["logits"] < 1e-5
    assert set(rows["float32"]["gradients"]) == {f"block{i}" for i in range(1, 6)} | {"head"}
    assert 1e-4 < rows["bfloat16"]["logits"] < 0.3


@pytest.mark.full
def test_runs_tell_their_time(session):
    found = read(session, "run-vgg16-s2")
    (row,) = found["rows"]
    assert found["hardware"]["precision"] == "bfloat16"
    assert row["run"]["config"]["batch_size"] == 4
    assert row["run"]["status"] == "finished"
    assert row["run"]["timing"]["train_s"] < row["seconds"]
    right = 11 * row["scores"]["accuracy"]
    assert right == pytest.approx(round(right)), "of eleven patches"


@pytest.mark.full
def test_the_page_has_a_table_of_each(session, tmp_path):
    kinds = set()
    for file in session.glob("gpu-*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
        kinds.add(json.loads(file.read_text())["kind"])
    assert kinds >= {"machine", "parity"}
    text = tables.tables(tmp_path)
    assert all(file.name in text for file in tmp_path.glob("*.json"))


def test_bad_usage_is_one_line_and_exit_code_2(data, tmp_path, capsys):
    given = ["gpu", "--data", str(data), "--output", str(tmp_path / "out"), *SMALL]
    for words, says in (
        (["--weights", "a", "b", "c"], "--weights: got 3 for 1 models"),
        (["--data", str(tmp_path / "no.npz")], "no.npz: no such file"),
        (["--image-size", "64"], "its patches are 32 pixels wide, expected 64"),
        (["--only", "nothing"], "--only"),
    ):
        assert main([*given, *words]) == 2
        error = capsys.readouterr().err
        assert says in error
        assert error.count("\n") == 1


def test_only_some_parts_and_a_weight_for_each_model(tmp_path):
    words = ["--data", "x.npz", "--output", str(tmp_path), "--weights", "r.h5", "v.h5"]
    options = gpu._parser().parse_args([*words, "--only", "run", "parity", "--epochs", "3"])
    options.protocol, options.against = "clean", []
    steps = {step.name: step.words(60.0) for step in gpu.plan(options, Path("work"))}
    assert list(steps) == [
        "parity-resnet50", "parity-vgg19", "run-resnet50-s2", "run-vgg19-s2", "run-resnet50-s1",
        "run-vgg19-s1",
    ]  # fmt: skip
    assert steps["parity-vgg19"][steps["parity-vgg19"].index("--weights") + 1] == "v.h5"
    run = steps["run-resnet50-s1"]
    assert run[run.index("--weights") + 1] == "r.h5"
    assert run[run.index("--protocol") + 1] == "clean"
    assert run[run.index("--epochs") + 1] == "3"
    assert run[run.index("--device") + 1] == "auto"


def test_whole_mammograms_are_measured_at_full_size_before_their_time_is_up(tmp_path):
    words = ["--data", "x.npz", "--output", str(tmp_path), "--only", "mammograms"]
    for size, expected in ((224, "1152x896"), (SIZE, "160x128")):
        options = gpu._parser().parse_args([*words, "--image-size", str(size)])
        (step,) = gpu.plan(options, Path("work"))
        given = mammograms._parser().parse_args(step.words(100.0)[4:])
        assert given.sizes == [expected]
        assert given.backbones == ["resnet50", "vgg19"]
        assert set(given.precision) == {"float32", "bfloat16"}
        assert 90 <= given.seconds < 100
        assert step.files == (given.output,)


def test_files_are_found_from_any_folder_and_limits_are_kept(data, tmp_path, monkeypatch):
    """The steps run in the project's folder, whatever the command's is."""
    planned = []
    monkeypatch.setattr(gpu.session, "run", lambda steps, *rest: planned.extend(steps))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "patches.npz").symlink_to(data)
    given = ["--data", "patches.npz", "--image-size", str(SIZE), "--output", "out"]
    gpu.main([*given, "--weights", "some/w.h5", "random", "--models", "vgg16", "vgg19"])
    steps = {step.name: [str(word) for word in step.words(0.5)] for step in planned}

    def value(name, flag):
        return steps[name][steps[name].index(flag) + 1]

    file = str(tmp_path / "some" / "w.h5")
    assert value("parity-vgg16", "--weights") == value("run-vgg16-s1", "--weights") == file
    assert value("run-vgg19-s2", "--weights") == "random"
    assert file in steps["study"]
    for name in ("parity-vgg16", "run-vgg16-s2", "study"):
        assert Path(value(name, "--data")).is_absolute()
    assert float(value("rows-vgg16-steps", "--seconds")) >= 1, "what the command takes"
    files = {step.name: step.files[0].name for step in planned}
    assert files == {name: f"gpu-{name}.json" for name in steps}


def test_the_steps_are_commands_that_there_are(tmp_path, monkeypatch, capsys):
    planned = []
    monkeypatch.setattr(gpu.session, "run", lambda steps, *rest: planned.extend(steps))
    monkeypatch.setattr(gpu.exported, "read", lambda path, size: (None, "clean"))
    absent = str(tmp_path / "absent.npz")
    assert main(["gpu", "--data", absent, "--output", str(tmp_path), *SMALL]) == 0
    assert {step.name for step in planned} > {"machine", "run-vgg16-s2", "rows-vgg16-maps", "study"}
    for step in planned:
        _, first, *words = step.words(60.0)
        if first == "-m" and words[0] == "benchmarks":
            module = COMMANDS.get(words[1], "__main__")
            given = words[1 if module == "__main__" else 2 :]
            import_module(f"benchmarks.{module}")._parser().parse_args(given)
            continue
        given = words[1:] if first == "-m" else ["train", *words]
        capsys.readouterr()
        assert jaxcbis_main(given) == 2
        assert "absent.npz: does not exist" in capsys.readouterr().err, step.name


def test_a_signal_ends_the_command_and_its_step(data, tmp_path, monkeypatch, capsys):
    def sleeping(options, work):
        yield Step("sleeps", lambda limit: [sys.executable, "-c", SLEEP], 1, 60)

    monkeypatch.setattr(gpu, "plan", sleeping)
    log = tmp_path / "logs" / "sleeps.log"

    def strike():
        end = time.monotonic() + 60
        while not (log.exists() and log.read_text().endswith("\n")) and time.monotonic() < end:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    striking = threading.Thread(target=strike)
    striking.start()
    try:
        assert main(["gpu", "--data", str(data), "--output", str(tmp_path), *SMALL]) == 130
    finally:
        striking.join()
        signal.signal(signal.SIGTERM, before)
    assert capsys.readouterr().err == "benchmarks: interrupted\n"
    assert not alive(log.read_text().strip()), "the step holds the device still"


SLEEP = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"


@pytest.mark.full
def test_a_signal_ends_the_step_with_the_session(data, tmp_path):
    words = [sys.executable, "-m", "benchmarks", "gpu", "--data", data, *SMALL, "--only", "machine"]
    process = subprocess.Popen(
        [*map(str, words), "--output", str(tmp_path)], cwd=ROOT, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "logs").exists() or not (found := children.read_text().split()):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
        assert all(map(alive, found))
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert error == "benchmarks: interrupted\n"
    assert not any(map(alive, found)), "the step holds the device still"


def test_a_tool_that_hangs_is_told_and_waited_for_no_longer(tmp_path, monkeypatch, capsys):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nexec sleep 30\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(machine, "_TIMEOUT", 0.2)
    assert machine._gpus() == []
    assert "nvidia-smi did not answer within 0.2 s" in capsys.readouterr().out


def test_a_study_that_was_cut_counts_what_is_done(tmp_path):
    run = {
        "schema": 1, "config": {"precision": "bfloat16"}, "timing": None,
        "history": [{"epoch": 0}, {"epoch": 1}],
        "environment": dict.fromkeys(
            ("backend", "device", "host_cores", "python", "jax", "flax", "git_commit"), "x"
        ),
        "test": None, "localization": None,
    }  # fmt: skip
    done = {"status": "finished", "test": {"accuracy": 0.5}, "localization": {"ll_score": 0.1}}
    for name, own in (("a", done), ("b", {"status": "interrupted"})):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "results.json").write_text(json.dumps(run | own))
    gpu_runs.keep_study(tmp_path, 60.0, 24, tmp_path / "study.json")
    found = json.loads((tmp_path / "study.json").read_text())
    assert (found["done"], found["planned"], found["seconds"]) == (1, 24, 60.0)
    assert [item["scores"]["accuracy"] for item in found["runs"]] == [0.5, None]
    assert [item["epochs"] for item in found["runs"]] == [1, 1]
    gpu_runs.keep_study(tmp_path / "nothing", 60.0, 24, tmp_path / "none.json")
    gpu_runs.keep_run(tmp_path / "nothing", 60.0, tmp_path / "none.json")
    assert not (tmp_path / "none.json").exists()
