"""Calibration against scikit-learn's curve."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from jaxcbis.evaluation.calibration import calibration


@given(st.integers(0, 10**6), st.integers(1, 300), st.integers(2, 20))
def test_bins_are_those_of_scikit_learn(seed, count, bins):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(5, 0.5), count)
    labels = rng.integers(0, 5, count)
    correct = probabilities.argmax(1) == labels
    got = calibration(labels, probabilities, bins)
    if 0 < correct.sum() < count:  # its curve needs both outcomes
        accuracy, confidence = calibration_curve(correct, probabilities.max(1), n_bins=bins)
        assert [row["accuracy"] for row in got["bins"]] == pytest.approx(accuracy)
        assert [row["confidence"] for row in got["bins"]] == pytest.approx(confidence)
    assert sum(row["n"] for row in got["bins"]) == count
    assert all(row["low"] <= row["confidence"] <= row["high"] for row in got["bins"])


def test_the_error_is_the_weighted_gap():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])
    got = calibration([0, 0, 0, 1], probabilities, 10)
    assert got["ece"] == pytest.approx((2 * 0.1 + 2 * 0.1) / 4)
    assert calibration([0, 0], [[1.0, 0.0]] * 2)["ece"] == 0


def test_no_items_no_error():
    assert calibration([], np.empty((0, 5))) == {"ece": None, "bins": []}
