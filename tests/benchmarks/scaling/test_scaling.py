"""Scaling curves: the fit, the points, and the command with the smallest work."""

import json
from importlib.util import find_spec

import pytest

from benchmarks import memory
from benchmarks.__main__ import main
from benchmarks.scaling import command as scaling
from benchmarks.scaling import point as scaling_point
from benchmarks.speed import rows, tasks


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
    plan = scaling.plan(rows.load("tiny"), options, 32)
    assert [(sweep, at) for sweep, at, _ in plan] == [
        ("head_epoch", 32), ("head_epoch", 48), ("s2_epoch", 32), ("s2_epoch", 48),
        ("size", 32), ("size", 64), ("batch", 2),
    ]  # fmt: skip
    head, s2 = plan[0][2], plan[2][2]
    assert (head.images, head.size, list(head.phases[0])) == (32, 32, ["head"])
    assert list(s2.phases[0]) == ["layer2", "head"]
    assert [(work.size, work.batch) for *_, work in plan[4:]] == [(32, 16), (64, 16), (224, 2)]


@pytest.mark.parametrize("side", ["ours", "torch"])
def test_a_point_tells_seconds_and_memory(side, peer, monkeypatch):
    monkeypatch.setattr(memory.Meter, "growth", lambda *_: 7.0)
    work = rows.work("s2_epoch", rows.load("tiny"), 2, 32, 4, 1)
    done = scaling_point.main(side, "cpu", {"fused": True}, 10, work)
    assert done["seconds"] > 0
    assert done["memory_mb"] == 7
    assert (done["prefix_s"] is None) == (side == "torch")


def test_a_point_without_memory_says_so(monkeypatch):
    def full(*words):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(tasks, "ours", full)
    work = rows.work("train_frozen", rows.load("tiny"), 2, 32, 0, 1)
    assert scaling_point.main("ours", "cpu", None, 1, work) == {"reason": "out of memory"}


def test_a_process_that_is_late_or_fails_says_so(python):
    work = rows.work("train_frozen", rows.load("tiny"), 2, 32, 0, 1)
    python("#!/bin/sh\nexec sleep 30\n")
    assert scaling.run_point("ours", "cpu", work, None, 0.1) == {"reason": "not done within 0.1 s"}
    python("#!/bin/sh\nkill -9 $$\n")
    reason = scaling.run_point("ours", "cpu", work, None, 9)["reason"]
    assert reason == "ended by signal 9, most likely for want of memory"
    python("#!/bin/sh\necho this is wrong >&2\nexit 1\n")
    with pytest.raises(RuntimeError, match="point failed:\nthis is wrong"):
        scaling.run_point("ours", "cpu", work, None, 9)


#: Says that a point takes as many seconds as an image has pixels a side.
AS_LARGE = """#!/bin/sh
echo "$2 $3 $4" >> "$0.words"
size=$(echo "$7" | cut -d, -f4)
echo "{\\"seconds\\": $size, \\"memory_mb\\": 5, \\"prefix_s\\": null}"
"""


def test_the_command(tmp_path, python, capsys):
    file = tmp_path / "scaling.json"
    python(AS_LARGE)
    words = ["--device", "cpu", "--models", "tiny", "--images", "--batches"]
    assert main(["scaling", *words, "--sizes", "32", "64", "--output", str(file)]) == 0
    results = json.loads(file.read_text())
    assert results["kind"] == "scaling"
    assert [(row["sweep"], row["at"]) for row in results["points"]] == [("size", 32), ("size", 64)]
    assert [(row["ours"], row["peer"]) for row in results["points"]] == [(32, None), (64, None)]
    (fitted,) = results["slopes"]
    assert fitted["ours"] == pytest.approx(1)
    assert fitted["ours_memory_mb"] == pytest.approx(0, abs=1e-9)
    assert file.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert "slope" in capsys.readouterr().out
    (called,) = set((tmp_path / "python.words").read_text().splitlines())
    module, *given = called.split()
    assert given == ["ours", "cpu"]
    assert find_spec(module).origin == scaling_point.__file__


@pytest.mark.full
def test_the_command_with_real_points(tmp_path):
    file = tmp_path / "scaling.json"
    words = ["--device", "cpu", "--models", "resnet34", "--images", "--batches"]
    assert main(["scaling", *words, "--sizes", "32", "128", "--output", str(file)]) == 0
    small, large = json.loads(file.read_text())["points"]
    assert 0 < small["ours"] < large["ours"]


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
