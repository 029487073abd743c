"""Bootstrap by patient against SciPy's and the binomial interval."""

import numpy as np
import pytest
from scipy.stats import binomtest
from scipy.stats import bootstrap as scipy_bootstrap

from jaxcbis.evaluation import bootstrap


def accuracy_interval(correct, patients):
    return bootstrap.interval(bootstrap.mean(correct, bootstrap.draw(patients)))


def test_interval_with_one_item_a_patient_is_near_the_binomial_one():
    correct = np.random.default_rng(1).random(600) < 0.7
    exact = binomtest(int(correct.sum()), 600).proportion_ci(method="wilson")
    np.testing.assert_allclose(accuracy_interval(correct, np.arange(600)), exact, atol=0.006)


def test_interval_resamples_patients_as_scipy_does():
    rng = np.random.default_rng(2)
    items = rng.integers(1, 6, 80)
    patients = np.repeat(np.arange(80), items)
    correct = rng.random(len(patients)) < rng.random(80)[patients]
    hits = np.bincount(patients, weights=correct)

    def accuracy(hits, items, axis):
        return hits.sum(axis) / items.sum(axis)

    peer = scipy_bootstrap(
        (hits, items), accuracy, paired=True, n_resamples=2000, method="percentile", rng=3
    ).confidence_interval
    ours = accuracy_interval(correct, patients.astype(str))
    np.testing.assert_allclose(ours, peer, atol=0.01)
    by_item = accuracy_interval(correct, np.arange(len(patients)))
    assert ours[1] - ours[0] > 1.2 * (by_item[1] - by_item[0])


def test_interval_is_the_same_every_time_and_needs_two_patients():
    correct, patients = [True, False, True], ["a", "b", "c"]
    assert accuracy_interval(correct, patients) == accuracy_interval(correct, patients)
    assert bootstrap.draw(["a", "a", "a"]) is None


def test_what_no_sample_has_has_no_interval():
    assert bootstrap.interval([np.nan, np.nan]) is None
    assert bootstrap.interval([np.nan, 0.9, 1.0]) is not None


@pytest.mark.parametrize("value", [1, 0.3, 0])
def test_what_no_sample_varies_has_no_interval(value):
    """Two patients, each of the same mean; and the area of two classes that are wholly apart."""
    times = bootstrap.draw([0, 1, 2, 3, 3, 3])
    samples = bootstrap.mean(np.full(6, value), times)
    assert bootstrap.interval(samples) is None
    assert (bootstrap.interval_of_share(samples, times) is None) == (value == 0.3)
    assert bootstrap.interval_of_difference(samples) == ([0, 0] if value == 0 else None)
    true = np.arange(6) < 3
    assert bootstrap.auc_with_interval(true.astype(float), true, times) == (1.0, None)


@pytest.mark.parametrize("hit", [0, 1])
@pytest.mark.parametrize("each", [1, 3])
def test_none_or_all_is_as_sure_as_the_patients_are_many(hit, each):
    """Items of one patient may go alike: three of each are no more than one."""
    times = bootstrap.draw(np.repeat(np.arange(13), each))
    found = bootstrap.interval_of_share(bootstrap.mean(np.full(13 * each, hit), times), times)
    exact = binomtest(13 * hit, 13).proportion_ci(method="exact")
    np.testing.assert_allclose(found, exact, atol=1e-12)
    assert found == pytest.approx([0, 0.247] if not hit else [0.753, 1], abs=1e-3)


def test_a_share_that_varies_has_the_bootstraps_interval():
    times = bootstrap.draw(np.arange(40))
    for values in (np.arange(40) < 1, np.linspace(0, 1, 40), np.full(40, 0.5), []):
        samples = bootstrap.mean(values, times[:, : len(values)])
        found = bootstrap.interval_of_share(samples, times[:, : len(values)])
        assert found == bootstrap.interval(samples)
    samples = bootstrap.mean(np.arange(40) % 2, bootstrap.draw(np.arange(40) // 2))
    assert bootstrap.interval_of_share(samples, times) is None  # each patient is half right
