"""Where the time of a real step goes."""

import json

import pytest

from benchmarks.__main__ import main


def test_a_real_step(tmp_path, capsys):
    file = tmp_path / "profile.json"
    small = ["--models", "tiny", "--rows", "train_behind_prefix", "--batch", "2"]
    assert main(["profile", *small, "--image-size", "32", "--output", str(file)]) == 0
    (row,) = json.loads(file.read_text())["rows"]
    assert sum(row["shares"].values()) == pytest.approx(1)
    assert row["shares"]["matrix product, gradients"] > 0  # of the head; small convolutions, too
    assert min(row["seconds"], row["busy_s"]) > 0
    assert (row["steps"], row["in_graphs"]) == (1, 0)
    largest = [item["seconds"] for item in row["largest"]]
    assert largest == sorted(largest, reverse=True)
    assert "kind of operation" in capsys.readouterr().out
