"""Differences between two devices' answers, and whether they are within bounds."""

import json
from importlib.util import find_spec

import numpy as np
import pytest

from benchmarks import tables
from benchmarks.__main__ import main
from benchmarks.gpu import parity, parity_side
from jaxcbis.records.results import write

BOUNDS = (0.1, 0.2, 0.3)
EXPECTED = {
    "logits": np.array([[3.0, 4.0]]), "loss": np.array(2.0),
    "gradient stem": np.array([1.0, 0.0]), "gradient head": np.array([0.0, 2.0]),
}  # fmt: skip


def test_differences_are_relative_to_what_was_expected():
    got = EXPECTED | {"logits": np.array([[3.0, 4.25]]), "gradient head": np.array([0.0, 1.5])}
    found = parity.compared(got, EXPECTED, BOUNDS)
    assert found["logits"] == pytest.approx(0.05)
    assert found["gradients"] == pytest.approx({"stem": 0, "head": 0.25})
    assert found["ok"]


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("value", [np.nan, np.inf, 1.0])
def test_every_difference_must_be_within_its_bound(name, value):
    got = EXPECTED | {name: np.full_like(EXPECTED[name], value * 10)}
    assert not parity.compared(got, EXPECTED, BOUNDS)["ok"]


def test_what_is_not_finite_is_written_as_null_and_shown(tmp_path):
    got = EXPECTED | {name: EXPECTED[name] * np.nan for name in ("logits", "gradient head")}
    row = {"model": "one", "kind": "float32"} | parity.compared(got, EXPECTED, BOUNDS)
    file = tmp_path / "parity.json"
    write(file, {"rows": [row]})
    results = json.loads(file.read_text())
    (read,) = results["rows"]
    assert read["logits"] is read["gradients"]["head"] is None
    assert (read["loss"], read["gradients"]["stem"], read["ok"]) == (0, 0, False)
    line = tables._markdown(parity.table(results)).splitlines()[-1]
    assert line == (
        "| one | float32 | not finite (0.1) | 0.0e+00 (0.2) | not finite in head (0.3) | off |"
    )


@pytest.fixture(scope="module")
def answers():
    return parity_side.answers("tiny", "random", parity.read_batch(None, 32), "float32", "highest")


@pytest.mark.parametrize("wrong", ["", "logits"])
def test_the_command(wrong, answers, python, tmp_path, capsys):
    """With a CPU's side that answers what is given here."""
    given = tmp_path / "given.npz"
    np.savez(given, **answers | ({wrong: answers[wrong] + 1} if wrong else {}))
    python(f'#!/bin/sh\necho "$2" > "$0.words"\ncp {given} "$6"\n')
    file = tmp_path / "parity.json"
    words = ["--model", "tiny", "--image-size", "32", "--device", "cpu", "--output", str(file)]
    assert main(["parity", *words]) == 0
    rows = {row["kind"]: row for row in json.loads(file.read_text())["rows"]}
    assert set(rows) == {"float32", "bfloat16"}
    assert rows["float32"]["ok"] == (not wrong)
    assert rows["float32"]["loss"] < 1e-5
    assert set(rows["float32"]["gradients"]) == {"stem", "layer1", "layer2", "head"}
    assert 1e-4 < rows["bfloat16"]["gradients"]["stem"] < 0.9
    assert f"float32 {'off' if wrong else 'ok'}" in capsys.readouterr().out
    module = (tmp_path / "python.words").read_text().strip()
    assert find_spec(module).origin == parity_side.__file__


def test_a_cpus_side_that_fails_is_one_line(python, capsys):
    python("#!/bin/sh\necho first >&2\necho it is wrong >&2\nexit 1\n")
    assert main(["parity", "--model", "tiny", "--image-size", "32", "--device", "cpu"]) == 2
    assert capsys.readouterr().err == "benchmarks: the CPU's side failed: it is wrong\n"
