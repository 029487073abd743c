"""Scaling curves: the fit, the points, and the command with the smallest work."""

import json
import sys

import pytest

from benchmarks.__main__ import main
from benchmarks.scaling import command as scaling
from benchmarks.scaling import point as scaling_point
from benchmarks.speed import rows


def test_slope_is_the_exponent():
    assert scaling.slope([128, 224, 448], [3e-5 * x**1.7 for x in (128, 224, 448)]) == (
        pytest.approx(1.7)
    )
    assert scaling.slope([1, 2, 4], [5.0, None, 20.0]) == pytest.approx(1)
    assert scaling.slope([1, 2], [5.0, None]) is None
    assert scaling.slope([16, 16], [5.0, 6.0]) is None


def test_points_differ_in_the_swept_quantity_alone():
    options = scaling._parser().parse_args(
        ["--images", "20", "40", "--sizes", "64", "32", "--batches", "2"]
    )
    plan = scaling.plan(rows.load("resnet34"), options, 32)
    assert [(sweep, at) for sweep, at, _ in plan] == [
        ("head_epoch", 32), ("head_epoch", 48), ("s2_epoch", 32), ("s2_epoch", 48),
        ("size", 32), ("size", 64), ("batch", 2),
    ]  # fmt: skip
    head, s2 = plan[0][2], plan[2][2]
    assert (head.images, head.size, list(head.phases[0])) == (32, 32, ["head"])
    assert list(s2.phases[0]) == ["layer3", "layer4", "head"]
    assert [(work.size, work.batch) for *_, work in plan[4:]] == [(32, 16), (64, 16), (224, 2)]


@pytest.mark.parametrize("side", ["ours", "torch"])
def test_a_point_tells_seconds_and_memory(side):
    work = rows.work("s2_epoch", rows.load("resnet34"), 2, 32, 4, 1)
    done = scaling_point.main(side, "cpu", {"fused": True}, 10, work)
    assert done["seconds"] > 0
    assert done["memory_mb"] is None or done["memory_mb"] > 0
    assert (done["prefix_s"] is None) == (side == "torch")


def test_a_point_without_memory_or_time_says_so(monkeypatch):
    def full(*words):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(rows, "ours", full)
    work = rows.work("train_frozen", rows.load("resnet34"), 2, 32, 0, 1)
    assert scaling_point.main("ours", "cpu", None, 1, work) == {"reason": "out of memory"}
    assert scaling.run_point("ours", "cpu", work, None, 0.1) == {"reason": "not done within 0.1 s"}
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError, match="ours, train_frozen failed"):
        scaling.run_point("ours", "cpu", work, None, 9)


def test_the_command(tmp_path, capsys):
    file = tmp_path / "scaling.json"
    words = ["--device", "cpu", "--models", "resnet34", "--images", "--batches"]
    assert main(["scaling", *words, "--sizes", "32", "64", "--output", str(file)]) == 0
    results = json.loads(file.read_text())
    assert results["kind"] == "scaling"
    assert [(row["sweep"], row["at"]) for row in results["points"]] == [("size", 32), ("size", 64)]
    assert all(row["ours"] > 0 and row["peer"] is None for row in results["points"])
    (fitted,) = results["slopes"]
    times = [row["ours"] for row in results["points"]]
    assert 2 ** fitted["ours"] == pytest.approx(times[1] / times[0])
    assert file.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert "slope" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--sizes", "64", "8"], "--sizes 8: expected at least 32"),
        (["--output", "x.txt"], "ends in .json"),
        (["--models", "alexnet"], "--models"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(words, says, capsys):
    assert main(["scaling", *words]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
