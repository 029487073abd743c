"""python -m benchmarks from the outside, with the smallest work that it takes."""

import json
import subprocess
import sys

import pytest

from benchmarks import rows, torch_side
from benchmarks.__main__ import main
from benchmarks.measure import Late, Task
from benchmarks.torch_side import Settings
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


def test_results_table_and_plot(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(torch_side.Torch, "tune", lambda *words: Settings())
    file = tmp_path / "speed.json"
    names = ["forward", "gradcam_head_only", "gradcam_vs_forward"]
    words = ("--against", "torch", "--output", str(file), "--rows", *names)
    assert main([*SMALL, *words]) == 0
    results = json.loads(file.read_text())
    assert {"schema", "hardware", "versions", "rows"} <= results.keys()
    assert results["versions"]["torch"] == torch_side.torch.__version__
    assert [row["row"] for row in results["rows"]] == names
    for row in results["rows"]:
        assert row["ratio"] == pytest.approx(row["ours"] / row["peer"])
        assert (row["model"], row["batch"], row["unit"]) == ("resnet34", 1, "images/s")
    assert results["rows"][2]["peer_name"] == "our forward"
    assert file.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    table = capsys.readouterr().out.split("row ")[-1]
    assert all(name in table for name in names)
    assert all(len(line) <= 80 for line in table.splitlines()[:5])


def test_tuning_keeps_what_wins_and_leaves_out_what_fails(monkeypatch):
    notes = []
    tools = torch_side.Torch("cpu", rows.draw, rows.draw_splits, 60, notes.append)
    times = {Settings(): 4.0, Settings(True): 5.0, Settings(fused=True): 3.0}

    def step(work, model, settings):
        if settings.compiled:
            raise Late("not done within 60 s")
        return Task(lambda rng: None, lambda x: None, lambda x: times[settings])

    monkeypatch.setattr(tools, "step", step)
    work = rows.Work("train_all", "resnet34", 1, 32)
    assert tools.tune(work, None, tools.step) == Settings(fused=True)
    assert notes == ["train_all resnet34: PyTorch without compiled: not done within 60 s"]
    times.clear()
    assert tools.tune(work, None, tools.step) == Settings(fused=True), "found twice"


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
