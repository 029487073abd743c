"""Rows of whole mammograms: tiny ones as they are measured, and the command around them."""

import json
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import measure
from benchmarks.__main__ import main
from benchmarks.mammograms import command, rows, work
from benchmarks.mammograms.rows import ROWS, Row
from jaxcbis.machine import device
from jaxcbis.training import memory
from tests import tiny_run
from tests.training import whole
from tfds_cbis.release import phantom

SIZE = (64, 64)
TINY = ("tiny", "float32", *SIZE)


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mammograms") / "release"
    phantom.write_release(folder, patients=(1, 1))
    return folder


def test_rows_come_in_order_of_value_and_what_needs_data_only_with_them():
    networks = (["a", "b"], ["float32"], [(128, 64), SIZE])
    found = rows.plan(*networks, data=False, run=False)
    assert {row.row for row in found} == ROWS.keys() - {"cut", "sweep"}
    assert found[:4] == [
        Row("step", model, "float32", *size) for size in networks[2] for model in networks[0]
    ]
    more = rows.plan(*networks, data=True, run=True)
    assert [row.row for row in more] == sorted((row.row for row in more), key=list(ROWS).index)
    assert set(more) - set(found) == {
        Row("cut", None, None, 128, 64), Row("cut", None, None, *SIZE), Row("sweep"),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["step_kept", "forward_two", "map"])
def test_a_row_tells_seconds_and_memory(name):
    found = work.main(Row(name, *TINY), "cpu", None, None)
    assert found["seconds"] > 0
    assert work.LEAST <= found["repetitions"] <= work.MOST
    assert found["peak_mb"] > found["memory_mb"]
    assert (found["reckoned_mb"] is None) == (name == "map")


@pytest.mark.parametrize(("name", "phase"), [("step", -1), ("top_step_kept", 0)])
def test_memory_is_that_of_a_runs_own_step(name, phase):
    call = work.prepare(Row(name, *TINY))
    recipe = whole.recipe(checkpoint=name == "step")
    expected = memory.of_step(
        whole.classifier(blocks=2), recipe, recipe.phases[phase], SIZE, np.uint8
    )
    # How arrays are aliased differs a little from how their shapes are.
    assert call.reckoned_mb == pytest.approx(expected / 2**20, rel=0.1)


def test_what_does_not_fit_is_told(monkeypatch):
    monkeypatch.setattr(device, "free_memory", lambda: 2**19)
    found = work.main(Row("step", *TINY), "cpu", None, None)
    assert found["reason"].startswith("it needs ")
    assert found["reason"].endswith(" MiB, of which 0 are free")
    assert found["reckoned_mb"] > 0.5

    def full(row):
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes")

    monkeypatch.setattr(work, "prepare", full)
    assert work.main(Row("step", *TINY), "cpu", None, None) == {"reason": "out of memory"}


def test_mammograms_are_cut_and_swept(release, tmp_path):
    cut = work.main(Row("cut", None, None, *SIZE), "cpu", str(release), None)
    assert min(cut["seconds"], cut["read_s"]) > 0
    assert cut["repetitions"] > 1
    run = tiny_run.write(tmp_path / "run", lesion_side=60.0)
    swept = work.main(Row("sweep"), "cpu", str(release), str(run))
    assert swept["seconds"] > 0
    assert swept["windows"] >= 1
    assert swept["model"] == "tiny"
    lost = work.main(Row("cut", None, None, *SIZE), "cpu", str(tmp_path), None)
    assert str(tmp_path) in lost["reason"]


#: Measures in no time; the second row breaks, and the third is killed.
STAND_IN = """#!/bin/sh
echo "$2 $3 $4 $5" >> "$0.words"
case $(wc -l < "$0.words") in
2) echo oops >&2; exit 1 ;;
3) kill -9 $$ ;;
esac
echo '{"seconds": 3.0, "repetitions": 2, "memory_mb": 5, "peak_mb": 6, "reckoned_mb": 4}'
"""


def test_the_command_writes_every_row_and_tells_those_it_lacks(
    tmp_path, python, capsys, monkeypatch
):
    file = tmp_path / "m.json"
    python(STAND_IN)
    began_and_three_rows = iter([0, 0, 1, 2])
    clock = SimpleNamespace(monotonic=lambda: next(began_and_three_rows, 5))
    monkeypatch.setattr(command, "time", clock)
    words = ["--device", "cpu", "--backbones", "tiny", "--sizes", "64x64", "--seconds", "4"]
    assert main(["mammograms", *words, "--output", str(file)]) == 0
    results = json.loads(file.read_text())
    assert results["kind"] == "mammograms"
    assert results["hardware"]["threads"] == measure.cores()
    assert results["hardware"]["precision"] == "float32"
    first, broken, killed, *others = results["rows"]
    assert (first["row"], first["seconds"], first["views"]) == ("step", 3.0, 2)
    assert first["reason"] is None
    assert broken["reason"] == "failed: oops"
    assert killed["reason"].startswith("ended by signal 9")
    assert {row["reason"] for row in others} == {"not begun within 4 s"}
    assert len(results["rows"]) == len(ROWS) - 2
    shown = capsys.readouterr().out
    assert "1.5 s a view, peak 6 MiB, reckoned 4 MiB" in shown
    assert "not measured, failed: oops: forward (tiny float32 64 x 64)" in shown
    called = (tmp_path / "python.words").read_text().splitlines()[0].split()
    assert called[1:] == ["cpu", "null", "null"]
    assert find_spec(called[0]).origin == work.__file__


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--sizes", "64"], "--sizes 64: expected HEIGHTxWIDTH"),
        (["--sizes", "100x64"], "--sizes 100x64: height 100: expected a multiple of 32"),
        (["--sizes", "64x32"], "--sizes 64x32: width 32: expected a number from 64 to 4096"),
        (["--run", "."], "--run: is swept over mammograms; give them with --data"),
        (["--data", "absent"], "--data absent: does not exist"),
        (["--backbones", "alexnet"], "--backbones"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(words, says, capsys):
    assert main(["mammograms", *words]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


@pytest.mark.full
def test_the_command_with_a_real_row(release, tmp_path):
    file = tmp_path / "m.json"
    words = ["--device", "cpu", "--backbones", "resnet18", "--sizes", "64x64"]
    assert main(["mammograms", *words, "--data", str(release), "--output", str(file)]) == 0
    assert not any(row["reason"] for row in json.loads(file.read_text())["rows"])
