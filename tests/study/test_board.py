"""How far a study is."""

import pytest

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
