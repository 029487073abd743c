"""python -m benchmarks from the outside, with the smallest work that it takes."""

import json
import os
import subprocess
import sys

import pytest

from benchmarks.__main__ import main
from benchmarks.measure import Late, Skipped, Task
from benchmarks.peer import rows as torch_rows
from benchmarks.peer.rows import Settings
from benchmarks.speed import rows, run
from tests.conftest import ROOT

SMALL = (
    "--device", "cpu", "--models", "resnet34", "--image-size", "32", "--batch", "1",
    "--repetitions", "3", "--images", "2",
)  # fmt: skip


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


#: The command without the search for PyTorch's fastest settings, which takes minutes.
UNTUNED = """
import sys
from benchmarks.peer import rows as torch_rows
from benchmarks.__main__ import main
torch_rows.Torch.tune = lambda *words: torch_rows.Settings()
sys.exit(main(sys.argv[1:]))
"""


def test_results_table_and_plot(tmp_path):
    """In a process of its own, as a user's: what other tests let go of would hide memory taken."""
    file = tmp_path / "speed.json"
    names = ["forward", "gradcam_head_only", "gradcam_vs_forward"]
    words = (*SMALL, "--against", "torch", "--output", file, "--rows", *names)
    words = [sys.executable, "-c", UNTUNED, *map(str, words)]
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "compiled")}
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    results = json.loads(file.read_text())
    assert {"kind", "schema", "hardware", "versions", "rows"} <= results.keys()
    rates = results["hardware"]["matmul_flops"]
    assert results["versions"]["torch"] == torch_rows.torch.__version__
    assert [row["row"] for row in results["rows"]] == names
    for row in results["rows"]:
        assert row["ratio"] == pytest.approx(row["ours"] / row["peer"])
        assert (row["model"], row["batch"], row["unit"]) == ("resnet34", 1, "images/s")
        assert row["ours_memory_mb"] > 4 * 21e6 / 2**20, "ResNet34 has 21 million weights"
        assert row["peer_memory_mb"] > 4 * 21e6 / 2**20
        shares = row["flops_share_ours"], row["flops_share_peer"]
        assert shares[0] / shares[1] == pytest.approx(row["ratio"])
        # 3.67 GFLOP at 224 pixels, by torchvision.
        rate = shares[0] * max(rates.values()) / row["ours"]
        assert rate == pytest.approx(2 * 3.67e9 * (32 / 224) ** 2, rel=0.15)
    assert results["rows"][0]["compile_s"] > 0.1
    assert results["rows"][0]["cache_hits"] == 0
    assert [row["target"] for row in results["rows"]] == [1.0, 1.0, 0.95]
    assert results["rows"][2]["peer_name"] == "our forward"
    assert file.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    table = done.stdout.partition("ratio above 1")[2]
    assert all(name in table for name in names)
    assert "…" not in table
    assert all(len(line) <= 100 for line in table.splitlines()[:7])
    assert "MiB: the most memory" in table
    assert "the peer is our forward: gradcam_vs_forward resnet34" in table


def test_operations_that_cannot_be_counted_are_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run.flops, "countable", lambda: False)
    file = tmp_path / "speed.json"
    assert main([*SMALL, "--output", str(file), "--rows", "forward"]) == 0
    results = json.loads(file.read_text())
    assert results["rows"][0]["flops_share_ours"] is None
    (note,) = results["notes"]
    assert "operations are not counted" in note
    assert note in capsys.readouterr().out


def test_an_epoch_tells_what_it_leaves_out(tmp_path, capsys):
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


def test_tuning_keeps_what_wins_and_leaves_out_what_fails(monkeypatch):
    notes = []
    tools = torch_rows.Torch("cpu", rows.draw, rows.draw_splits, 60, notes.append)
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


def test_cuda_graphs_are_tried_on_a_gpu_only():
    tools = torch_rows.Torch("cpu", rows.draw, rows.draw_splits, 60, pytest.fail)
    modes = [change["compiled"] for change in tools._changes(tools.step) if "compiled" in change]
    assert modes == ["default"]
    tools.device = torch_rows.torch.device("cuda")
    modes = [change["compiled"] for change in tools._changes(tools.step) if "compiled" in change]
    assert modes == ["reduce-overhead", "default", "max-autotune"], "the likely winner first"
    assert {"compiled": "default"} not in tools._changes(tools.library_cam)
    assert {"fused": True} not in tools._changes(tools.forward)
    assert str(Settings(True, compiled="max-autotune")) == "channels_last, compiled (max-autotune)"


def test_a_short_run_leaves_tuning_its_own_time(monkeypatch):
    given = []
    monkeypatch.setattr(run, "connect", lambda platform, seconds, note: given.append(seconds))
    options = [*SMALL, "--against", "torch", "--seconds", "1", "--tuning-seconds", "77"]
    assert main([*options, "--rows", "forward"]) == 0
    assert given == [77]


def test_our_half_is_written_before_pytorch_is_asked(tmp_path, monkeypatch):
    """A kill in its half leaves ours in the file."""
    file = tmp_path / "speed.json"
    at_that_time = []

    class Absent:
        version = "0"

        def task(self, work):
            at_that_time.extend(json.loads(file.read_text())["rows"])
            raise Skipped("forward: PyTorch is not at home")

    monkeypatch.setattr(run, "connect", lambda *words: Absent())
    monkeypatch.setattr(run.flops, "matmul_rates", lambda *words: {"jax": 1e11})
    words = [*SMALL, "--against", "torch", "--output", str(file), "--rows", "forward"]
    assert main(words) == 0
    (row,) = at_that_time
    assert row["ours"] > 0
    assert row["peer"] is row["ratio"] is row["peer_name"] is None
    results = json.loads(file.read_text())
    assert results["rows"] == at_that_time
    assert results["notes"] == ["skipped forward: PyTorch is not at home"]


def test_a_process_that_fails_costs_its_row_alone(tmp_path, monkeypatch):
    """Its last line is the reason, and the next row is measured."""
    file = tmp_path / "speed.json"
    first_step = rows.first_step
    monkeypatch.setattr(
        rows, "first_step", lambda side, work, platform, cache: first_step(side, work, "tpu", cache)
    )
    words = [*SMALL, "--output", str(file), "--rows", "second_start", "forward"]
    assert main(words) == 0
    results = json.loads(file.read_text())
    assert [row["row"] for row in results["rows"]] == ["forward"]
    (note,) = results["notes"]
    assert note.startswith("skipped second_start resnet34: the process of ours failed: ")
    assert "tpu" in note


def test_models_without_batchnorm_have_no_row_of_the_batchs_statistics():
    backbone = rows.load("vgg16")
    assert rows.work("train_all", backbone, 1, 32, 1, 1).batch_norm == "frozen"
    with pytest.raises(Skipped, match="train_all_batch_stats vgg16: it has no BatchNorm"):
        rows.work("train_all_batch_stats", backbone, 1, 32, 1, 1)


def test_the_goal_of_s1_run_is_a_share_of_its_bound():
    assert rows.target("s1_run", "vgg19", "gpu", 2.0) == pytest.approx(1.9)
    assert rows.target("s1_run", "vgg19", "cpu") is None
    assert rows.target("train_all_batch_stats", "vgg19", "gpu") == 1.0


def test_gpu_where_there_is_none_is_one_line_and_exit_code_2():
    code = "import jax; print(jax.default_backend())"
    words = [sys.executable, "-c", code]
    if subprocess.run(words, capture_output=True, text=True).stdout.strip() != "cpu":
        pytest.skip("there is a GPU here")
    words = [sys.executable, "-m", "benchmarks", "--device", "gpu"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr.startswith("benchmarks: --device gpu: JAX finds no GPU")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("side", ["ours", "torch"])
def test_first_step_tells_its_parts(side, tmp_path):
    work = rows.work("time_to_first_step", rows.load("resnet34"), 2, 32, 2, 1)
    parts = rows.first_step(side, work, "cpu", str(tmp_path))
    names = ("import_s", "trace_s", "compile_s", "run_s")
    assert parts["total_s"] == pytest.approx(sum(parts[name] or 0 for name in names))
    assert (parts["compile_s"] is None) == (side == "torch")
    assert parts["peak_memory_mb"] > 100
