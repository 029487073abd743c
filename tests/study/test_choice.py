"""What a study chooses: by the validation loss alone."""

import numpy as np
import pytest

from jaxcbis.study.choice import choose
from tests.study.made import cell


def test_the_lowest_validation_loss_is_chosen_whatever_the_test_says():
    cells = [cell(0.5, 0.9, run="a"), cell(0.4, 0.1, batch_size=16, run="b")]
    (chosen,) = choose(cells)
    assert chosen["run"] == "b"


def test_sets_are_compared_by_their_mean_over_seeds_and_no_seed_is_chosen():
    cells = [
        cell(0.1, 0.5, seed=0, run="a0"), cell(0.9, 0.5, seed=1, run="a1"),
        cell(0.4, 0.6, seed=0, batch_size=16, run="b0"),
        cell(0.2, 0.8, seed=1, batch_size=16, run="b1"),
    ]  # fmt: skip
    (chosen,) = choose(cells)
    assert chosen["run"] == "b0"
    assert chosen["val_loss"] == pytest.approx(0.3)
    assert chosen["seeds"]["accuracy"]["mean"] == pytest.approx(0.7)
    assert chosen["seeds"]["accuracy"]["deviation"] == pytest.approx(np.std([0.6, 0.8], ddof=1))
    assert chosen["seeds"]["ll_score"] == {"mean": None, "deviation": None, "values": [None, None]}
