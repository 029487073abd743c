import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from scipy.stats import bootstrap as scipy_bootstrap
from sklearn.metrics import accuracy_score

from jaxcbis.evaluation.comparison import compare, mcnemar
from tests.differences import assert_within


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60))
def test_p_is_twice_the_smaller_tail(answers):
    first, second = np.array(answers, bool).reshape(-1, 2).T
    got = mcnemar(first, second)
    b, c = int((first > second).sum()), int((second > first).sum())
    assert (got["only_first"], got["only_second"]) == (b, c)
    expected = min(1, 2 * binom.cdf(min(b, c), b + c, 0.5)) if b + c else 1
    assert_within(1e-12, got["p"], expected, "McNemar's p | SciPy's binomial")
    assert mcnemar(second, first)["p"] == pytest.approx(got["p"])


def test_of_other_items_is_refused():
    with pytest.raises(ValueError, match="same items"):
        mcnemar([True], [True, False])


def answers(rng, labels, skill):
    """Probabilities [n, 5] that favour the true class by `skill`, and IoU [n] of every second."""
    logits = rng.normal(size=(len(labels), 5)) + skill * np.eye(5)[labels]
    iou = np.where(np.arange(len(labels)) % 2, rng.random(len(labels)), np.nan)
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True), iou


def test_paired_difference_against_scipy():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 400)
    one, two = answers(rng, labels, 1.5), answers(rng, labels, 0.5)
    got = compare(labels, np.arange(400), one, two)
    first, second = (model[0].argmax(1) for model in (one, two))
    accuracy = got["differences"]["accuracy"]
    assert accuracy["difference"] == pytest.approx(
        accuracy_score(labels, first) - accuracy_score(labels, second)
    )
    peer = scipy_bootstrap(
        ((first == labels) * 1.0 - (second == labels),), np.mean, method="percentile", rng=1
    ).confidence_interval
    np.testing.assert_allclose(accuracy["ci95"], peer, atol=0.01)
    assert got["mcnemar"] == mcnemar(first == labels, second == labels)
    score = [np.nanmean(np.where(model[0].argmax(1) == labels, model[1], np.nan))
             for model in (one, two)]  # fmt: skip
    assert got["differences"]["ll_score"]["difference"] == pytest.approx(score[0] - score[1])


def test_a_model_does_not_differ_from_itself():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 5, 60)
    model = answers(rng, labels, 1.0)
    got = compare(labels, np.arange(60) // 2, model, model)
    assert all(found == {"difference": 0, "ci95": [0, 0]} for found in got["differences"].values())
    assert got["mcnemar"]["p"] == 1


def test_one_patient_has_no_interval():
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 5, 20)
    got = compare(labels, np.zeros(20), answers(rng, labels, 1), answers(rng, labels, 1))
    assert all(found["ci95"] is None for found in got["differences"].values())
