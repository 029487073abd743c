"""The cells of a study, and the options of their runs."""

import pytest

from jaxcbis.errors import UserError
from jaxcbis.study import cells
from jaxcbis.study.cells import Grid


def test_every_backbone_strategy_seed_and_set_has_a_run_of_its_own(tmp_path):
    grid = Grid(["vgg16", "resnet34"], ["s1", "s2"], 3, ["a", "b"])
    weights = grid.weights_of()
    begun = [cells.configure({}, cell, weights[cell.backbone], tmp_path) for cell in grid.cells()]
    seen = {(c.backbone, c.weights, c.strategy, c.seed, c.batch_size, c.backbone_lr) for c in begun}
    assert seen == {
        (*pair, strategy, seed, batch_size, rate)
        for pair in (("vgg16", "a"), ("resnet34", "b")) for strategy in ("s1", "s2")
        for seed in range(3) for batch_size in (8, 16, 32) for rate in (3e-5, 3e-4)
    }  # fmt: skip
    assert len({c.output for c in begun}) == len(begun) == 72


def test_what_a_backbone_and_seed_share_is_made_once():
    """Runs in a row share it: a backbone and seed must not come back behind another."""
    groups = [(c.backbone, c.seed) for c in Grid(["a", "b"], ["s1", "s2"], 2, ["w"]).cells()]
    assert len(dict.fromkeys(groups)) == 4
    assert groups == sorted(groups)


def test_weights_must_fit_the_backbones():
    assert Grid(["a", "b"], [], 1, ["w"]).weights_of() == {"a": "w", "b": "w"}
    with pytest.raises(UserError, match="got 3 for 2 backbones"):
        Grid(["a", "b"], [], 1, ["w", "x", "y"]).weights_of()
