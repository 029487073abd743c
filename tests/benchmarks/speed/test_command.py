"""python -m benchmarks with the smallest work that it takes."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from benchmarks import measure
from benchmarks.__main__ import main
from benchmarks.measure import Late, Skipped, Task
from benchmarks.speed import first_step, flops, rows, run, starts, tasks
from tests.conftest import ROOT

SMALL = (
    "--device", "cpu", "--models", "tiny", "--image-size", "32", "--batch", "2",
    "--repetitions", "3", "--images", "2",
)  # fmt: skip


@pytest.fixture
def quick(monkeypatch):
    """No large matrices are multiplied, and no memory is given back before it is measured."""
    monkeypatch.setattr(run.flops, "matmul_rates", lambda *words: {"jax": 1e11, "torch": 2e11})
    monkeypatch.setattr(run.memory, "_give_back", lambda: None)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--batch", "0"], "--batch 0: expected at least 1"),
        (["--rows", "forwards", "--device", "cpu"], "--rows forwards: expected some of forward"),
        (["--against", "tf"], "--against"),
        (["--output", "no/such/folder/x.json"], "no such folder"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(words, says, capsys):
    assert main(words) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_results_table_and_plot(tmp_path, peer, quick, monkeypatch, capsys):
    """Of times that are given: ours take 2 s, PyTorch 3 s."""
    monkeypatch.setattr(peer.rows.Torch, "tune", lambda *words: peer.rows.Settings())
    times = {True: ([2.0] * 3, [3.0] * 3), False: ([2.0] * 3, [])}
    monkeypatch.setattr(measure, "alternate", lambda ours, other, *rest: times[other is not None])
    file = tmp_path / "speed.json"
    names = ["forward", "gradcam_head_only", "gradcam_vs_forward"]
    assert main([*SMALL, "--against", "torch", "--output", str(file), "--rows", *names]) == 0
    results = json.loads(file.read_text())
    assert {"kind", "schema", "hardware", "versions", "rows"} <= results.keys()
    assert results["hardware"]["matmul_flops"] == {"jax": 1e11, "torch": 2e11}
    assert results["versions"]["torch"] == peer.rows.torch.__version__
    assert [row["row"] for row in results["rows"]] == names
    count = flops.of(rows.work("forward", rows.load("tiny"), 2, 32, 2, 1), rows.load("tiny"))
    for row in results["rows"]:
        assert (row["model"], row["batch"], row["unit"]) == ("tiny", 2, "images/s")
        assert (row["ours"], row["peer"], row["ratio"]) == (1.0, pytest.approx(2 / 3), 1.5)
        assert row["flops_share_ours"] == pytest.approx(count / 2 / 2e11)
        assert row["flops_share_peer"] == pytest.approx(count / 3 / 2e11)
    assert [row["target"] for row in results["rows"]] == [1.0, 1.0, 0.95]
    assert results["rows"][2]["peer_name"] == "our forward"
    assert file.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    table = capsys.readouterr().out.partition("ratio above 1")[2]
    assert all(name in table for name in names)
    assert "…" not in table
    assert all(len(line) <= 100 for line in table.splitlines()[:7])
    assert "MiB: the most memory" in table
    assert "the peer is our forward: gradcam_vs_forward tiny" in table


#: The command without the search for PyTorch's fastest settings, which takes minutes.
UNTUNED = """
import sys
import tests.tiny
from benchmarks.peer import rows as torch_rows
from benchmarks.__main__ import main
torch_rows.Torch.tune = lambda *words: torch_rows.Settings()
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.full
def test_memory_and_compiling_of_a_whole_command(tmp_path):
    """In a process of its own, as a user's: what other tests let go of would hide memory taken."""
    file = tmp_path / "speed.json"
    words = (
        *SMALL, "--models", "resnet34", "--against", "torch", "--output", file, "--rows", "forward",
    )  # fmt: skip
    words = [sys.executable, "-c", UNTUNED, *map(str, words)]
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "compiled")}
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    results = json.loads(file.read_text())
    (row,) = results["rows"]
    assert row["ours_memory_mb"] > 4 * 21e6 / 2**20, "ResNet34 has 21 million weights"
    assert row["peer_memory_mb"] > 4 * 21e6 / 2**20
    # 3.67 GFLOP at 224 pixels, by torchvision.
    rate = row["flops_share_ours"] * max(results["hardware"]["matmul_flops"].values())
    assert rate / row["ours"] == pytest.approx(2 * 3.67e9 * (32 / 224) ** 2, rel=0.15)
    assert row["compile_s"] > 0.1
    assert row["cache_hits"] == 0


def test_operations_that_cannot_be_counted_are_told(tmp_path, quick, monkeypatch, capsys):
    monkeypatch.setattr(run.flops, "countable", lambda: False)
    file = tmp_path / "speed.json"
    assert main([*SMALL, "--output", str(file), "--rows", "forward"]) == 0
    results = json.loads(file.read_text())
    assert results["rows"][0]["flops_share_ours"] is None
    (note,) = results["notes"]
    assert "operations are not counted" in note
    assert note in capsys.readouterr().out


def test_an_epoch_tells_what_it_leaves_out(tmp_path, quick, capsys):
    file = tmp_path / "speed.json"
    assert main([*SMALL, "--output", str(file), "--rows", "s2_epoch"]) == 0
    (row,) = json.loads(file.read_text())["rows"]
    assert row["prefix_s"] > 0
    assert (row["peer"], row["epochs_to_pay"]) == (None, None)
    assert row["flops_share_ours"] is None, "not the same work on both sides"
    shown = capsys.readouterr().out
    assert "s2_epoch (1)" in shown
    assert f"(1) {row['left_out']}" in shown
    assert "once a run" in row["left_out"]
    assert "(2)" not in shown


def epoch(ours, peer, prefix, monkeypatch):
    measured = run.Measured(ours, peer, "peer", {"prefix_s": prefix})
    monkeypatch.setattr(run, "_within", lambda *words: [measured])
    (row,) = run.measure_row(rows.Work("s2_epoch", "vgg19", 16, 224), None, None)
    return row


def test_kept_activations_pay_once_they_and_the_epochs_take_less_than_the_peer(monkeypatch):
    assert epoch([2.0], [5.0], 10.0, monkeypatch)["epochs_to_pay"] == 4  # 18 < 20, but 16 > 15
    assert epoch([2.0], [5.0], 1.0, monkeypatch)["epochs_to_pay"] == 1
    assert epoch([5.0], [5.0], 1.0, monkeypatch)["epochs_to_pay"] is None


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is Linux's")
@pytest.mark.parametrize("program", [["-m", "benchmarks"], ["-m", "jaxcbis", "train"], ["run.py"]])
def test_the_process_starts_again_once_for_its_allocator(tmp_path, program):
    show = "import os; print(os.getpid(), os.environ.get('GLIBC_TUNABLES'))"
    (tmp_path / "sitecustomize.py").write_text(show)
    environment = {k: v for k, v in os.environ.items() if k != "GLIBC_TUNABLES"}
    environment["PYTHONPATH"] = f"{tmp_path}:{ROOT}"
    words = [sys.executable, *program, "--batch", "0"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env=environment)
    (first, before), (second, after) = (line.split() for line in done.stdout.splitlines())
    assert (first, before) == (second, "None")
    assert "mmap_threshold" in after
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr


def test_a_short_run_leaves_tuning_its_own_time(quick, monkeypatch):
    given = []
    monkeypatch.setattr(run, "connect", lambda platform, seconds, note: given.append(seconds))
    options = [*SMALL, "--against", "torch", "--seconds", "1", "--tuning-seconds", "77"]
    assert main([*options, "--rows", "forward"]) == 0
    assert given == [77]


def test_our_half_is_written_before_pytorch_is_asked(tmp_path, quick, monkeypatch):
    """A kill in its half leaves ours in the file."""
    file = tmp_path / "speed.json"
    at_that_time = []

    class Absent:
        version = "0"

        def task(self, work):
            at_that_time.extend(json.loads(file.read_text())["rows"])
            raise Skipped("forward: PyTorch is not at home")

    monkeypatch.setattr(run, "connect", lambda *words: Absent())
    words = [*SMALL, "--against", "torch", "--output", str(file), "--rows", "forward"]
    assert main(words) == 0
    (row,) = at_that_time
    assert row["ours"] > 0
    assert row["peer"] is row["ratio"] is row["peer_name"] is None
    results = json.loads(file.read_text())
    assert results["rows"] == at_that_time
    assert results["notes"] == ["skipped forward: PyTorch is not at home"]


def test_a_process_that_fails_costs_its_row_alone(tmp_path, quick, python):
    """Its last line is the reason, and the next row is measured."""
    file = tmp_path / "speed.json"
    python('#!/bin/sh\necho "$@" > "$0.words"\necho first >&2\necho "no tpu" >&2\nexit 1\n')
    words = [*SMALL, "--output", str(file), "--rows", "second_start", "forward"]
    assert main(words) == 0
    results = json.loads(file.read_text())
    assert [row["row"] for row in results["rows"]] == ["forward"]
    assert results["notes"] == ["skipped second_start tiny: the process of ours failed: no tpu"]
    flag, module, *given = (tmp_path / "python.words").read_text().split()[:4]
    assert (flag, given) == ("-m", ["ours", "cpu"])
    assert find_spec(module).origin == first_step.__file__


def test_a_side_that_fails_costs_its_row_alone_and_is_no_success(tmp_path, quick, monkeypatch):
    """As on a GPU, where PyTorch may refuse what it takes on a CPU."""
    ours = run.tasks.ours

    def refuse(work, *words):
        if work.row == "forward":
            raise RuntimeError("input and weight differ in type\nand more")
        return ours(work, *words)

    monkeypatch.setattr(run.tasks, "ours", refuse)
    file = tmp_path / "speed.json"
    with pytest.raises(ExceptionGroup, match="rows failed") as raised:
        main([*SMALL, "--output", str(file), "--rows", "forward", "gradcam"])
    assert [str(error)[:5] for error in raised.value.exceptions] == ["input"]
    results = json.loads(file.read_text())
    assert [row["row"] for row in results["rows"]] == ["gradcam"]
    expected = "failed forward tiny: RuntimeError: input and weight differ in type"
    assert results["notes"] == [expected]


def test_models_without_batchnorm_have_no_row_of_the_batchs_statistics():
    backbone = rows.load("tiny_vgg")
    assert rows.work("train_all", backbone, 1, 32, 1, 1).batch_norm == "frozen"
    with pytest.raises(Skipped, match="train_all_batch_stats tiny_vgg: it has no BatchNorm"):
        rows.work("train_all_batch_stats", backbone, 1, 32, 1, 1)


def test_the_goal_of_s1_run_is_a_share_of_its_bound():
    assert rows.target("s1_run", "vgg19", "gpu", 2.0) == pytest.approx(1.9)
    assert rows.target("s1_run", "vgg19", "cpu") is None
    assert rows.target("train_all_batch_stats", "vgg19", "gpu") == 1.0


def test_a_device_that_is_not_to_be_had_is_one_line_and_exit_code_2(capsys):
    assert main(["--device", "gpu"]) == 2  # JAX has started, on a CPU
    error = capsys.readouterr().err
    assert error.startswith("benchmarks: --device gpu: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize(("side", "parts"), [("ours", 4), ("torch", 2)])
def test_first_step_tells_its_parts(side, parts, peer, monkeypatch):
    """With a clock that moves on by a second whenever it is read."""
    seconds = iter(range(1, 100))
    monkeypatch.setattr(first_step, "_began", 0)
    monkeypatch.setattr(first_step.time, "perf_counter", lambda: next(seconds))
    work = rows.work("time_to_first_step", rows.load("tiny"), 2, 32, 2, 1)
    found = first_step.main(side, "cpu", work)
    names = ("import_s", "build_s", "run_s")
    assert {found[name] for name in names} == {1}
    expected = 1 if side == "ours" else None
    assert (found["trace_s"], found["compile_s"]) == (expected, expected)
    assert found["total_s"] == parts, "building the model is no part of it"
    assert found["peak_memory_mb"] > 100


#: Drawing random weights is no part of a real start.
COUNTED = ("import_s", "trace_s", "compile_s", "run_s")


@pytest.mark.full
@pytest.mark.parametrize("side", ["ours", "torch"])
def test_a_process_takes_its_first_step(side, tmp_path):
    work = rows.work("time_to_first_step", rows.load("resnet34"), 2, 32, 2, 1)
    parts = starts.first_step(side, work, "cpu", str(tmp_path))
    assert parts["import_s"] > 0.1
    assert parts["total_s"] == pytest.approx(sum(parts[name] or 0 for name in COUNTED))


def test_tuning_keeps_what_wins_and_leaves_out_what_fails(peer, monkeypatch):
    Settings = peer.rows.Settings
    notes = []
    tools = peer.rows.Torch("cpu", rows.draw, rows.draw_splits, 60, notes.append)
    times = {Settings(): 4.0, Settings(True): 5.0, Settings(fused=True): 3.0}

    def step(work, model, settings):
        if settings.compiled:
            raise Late("not done within 60 s")
        return Task(lambda rng: None, lambda x: None, lambda x: times[settings])

    monkeypatch.setattr(tools, "step", step)
    work = rows.Work("train_all", "resnet34", 1, 32)
    assert tools.tune(work, None, tools.step) == Settings(fused=True)
    assert notes == ["train_all resnet34: PyTorch without compiled: all tuning is to take 60 s"]
    times.clear()
    assert tools.tune(work, None, tools.step) == Settings(fused=True), "found twice"


def test_cuda_graphs_are_tried_on_a_gpu_only(peer):
    tools = peer.rows.Torch("cpu", rows.draw, rows.draw_splits, 60, pytest.fail)
    modes = [change["compiled"] for change in tools._changes(tools.step) if "compiled" in change]
    assert modes == ["default"]
    tools.device = peer.rows.torch.device("cuda")
    modes = [change["compiled"] for change in tools._changes(tools.step) if "compiled" in change]
    assert modes == ["reduce-overhead", "default", "max-autotune"], "the likely winner first"
    assert {"compiled": "default"} not in tools._changes(tools.library_cam)
    assert {"fused": True} not in tools._changes(tools.forward)
    settings = peer.rows.Settings(True, compiled="max-autotune")
    assert str(settings) == "channels_last, compiled (max-autotune)"


def test_the_row_of_the_localisation_term_is_the_same_step_with_and_without_it():
    backbone = rows.load("tiny")
    work = rows.work(rows.LOOK, backbone, 4, 32, 4, 1)
    plain = rows.work("train_behind_prefix", backbone, 4, 32, 4, 1)
    assert work == plain._replace(row=rows.LOOK)
    drawn = rows.draw(work, np.random.default_rng(0))
    for each, weight, shape in ((work, 1, (4, 4, 4)), (plain, 0, None)):
        plan, *_ = tasks.start_steps(each, backbone)
        assert (plan.stages, plan.look_weight) == (("layer2", "head"), weight)
        targets = tasks.on_device(drawn, each, backbone).targets
        assert (None if targets is None else targets.shape) == shape
    assert tasks.our_other(work, backbone).name == "our step without it"
