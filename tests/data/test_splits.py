import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxcbis.data import splits


@given(st.lists(st.integers(0, 4), min_size=1, max_size=200))
def test_every_class_gives_its_share(labels):
    labels = np.array(labels)
    validation = splits.stratified(labels)
    for label in np.unique(labels):
        members = labels == label
        assert (validation & members).sum() == round(0.15 * members.sum())


def test_the_draw_is_the_same_every_time_and_is_a_draw():
    labels = np.repeat(np.arange(5), 100)
    first = splits.stratified(labels)
    np.testing.assert_array_equal(first, splits.stratified(labels))
    assert 0 < first[:50].sum() < 15, "the validation patches of a class are not its first ones"


def test_leakage_counts_patients_and_their_test_items():
    train, test = np.array(["P1", "P2", "P2"]), np.array(["P2", "P2", "P3", "P1"])
    assert splits.leakage(train, test) == {
        "patients_in_train_and_test": 2,
        "test_items_affected": 3,
    }


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_to_split(count):
    assert not splits.stratified(np.zeros(count, int)).any()
