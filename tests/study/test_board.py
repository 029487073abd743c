"""How far a study is."""

import io

import pytest
from rich.console import Console

from jaxcbis.study import board
from jaxcbis.study.cells import Cell
from tests.study.made import cell


def test_time_left_goes_by_the_most_alike_runs():
    cells = [
        Cell(backbone, strategy, 8, 3e-5, seed)
        for backbone in ("vgg19", "resnet50") for strategy in ("s1", "s2") for seed in (0, 1)
    ]  # fmt: skip
    done = [cell(1, 1, seed=0, seconds=10.0), cell(1, 1, backbone="resnet50", seconds=100.0)]
    # vgg19: one of s1 like its own, two of s2 like s1; resnet50 the same
    assert board.seconds_left(cells, done) == pytest.approx(3 * 10 + 3 * 100)
    assert board.seconds_left(cells, []) is None


def test_how_far_the_present_run_is_is_told():
    cells = [Cell("vgg19", "s1", 8, 3e-5, seed) for seed in (0, 1)]
    row = {"phase": "block5", "epoch": 3, "val_loss": 0.5}
    told = board.progress(cells[1], row, ["head", "block5", "block4"], 50)
    assert told == (
        "vgg19 s1 batch 8 rate 3e-05 seed 1: phase 2 of 3 (block5), epoch 3 of at most 50, "
        "val loss 0.5000"
    )
    done = [cell(1, 1, seed=0, seconds=120.0)]
    line = board.standing(cells, done, [told], 1)
    assert line == f"1 of 2 runs done; about 2 min left; {told}"
    screen = Console(width=80, file=io.StringIO())
    screen.print(board.board(cells, done, {cells[1]: told}))
    text = " ".join(screen.file.getvalue().split())
    assert "runs" in text
    assert told in text
