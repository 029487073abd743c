"""Phases and learning rates of the two strategies."""

from itertools import pairwise

import pytest

from jaxcbis.training import strategies

RATES = {"head_lr": 1e-4, "backbone_lr": 3e-5, "lr_decay": 0.3}


def test_gradual_unfreezing_goes_from_the_head_inwards():
    head, last, inner = strategies.phases("s1", ["layer3", "layer4"], **RATES)
    assert [head.name, last.name, inner.name] == ["head", "layer4", "layer3"]
    assert head.learning_rates == {"head": 1e-4}
    assert last.learning_rates == {"layer4": 3e-5, "head": 1e-4}
    assert inner.learning_rates == pytest.approx({"layer3": 9e-6, "layer4": 3e-5, "head": 1e-4})


def test_simultaneous_training_is_one_phase_with_lower_rates_inwards():
    (phase,) = strategies.phases("s2", ["block4", "block5"], **RATES)
    assert phase.learning_rates == pytest.approx({"block4": 9e-6, "block5": 3e-5, "head": 1e-4})


@pytest.mark.parametrize("strategy", ["s1", "s2"])
def test_a_phase_trains_all_that_the_one_before_it_trained(strategy):
    phases = strategies.phases(strategy, ["a", "b", "c"], **RATES)
    for before, after in pairwise(phases):
        assert before.learning_rates.items() < after.learning_rates.items()
    assert list(phases[-1].learning_rates) == ["a", "b", "c", "head"]
