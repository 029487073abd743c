import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxcbis.data import splits
from jaxcbis.labels import LABELS, SUFFIXES
from tfds_cbis.release.cases import CSV_NAMES, TYPES
from tfds_cbis.release.rows import parse


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


def test_held_out_is_who_validates_and_is_not_in_train():
    train = np.array(["P1", "P2", "P2"])
    assert splits.held_out(train, np.array(["P4", "P3", "P4"])) == ["P3", "P4"]
    assert splits.held_out(train, np.array(["P4", "P2"])) is None, "a split of patches"


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_to_split(count):
    assert not splits.stratified(np.zeros(count, int)).any()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 40)), min_size=1, max_size=300))
def test_no_patient_is_in_train_and_in_validation(items):
    labels, patients = np.array(items).T
    validation = splits.grouped(labels, patients)
    assert not np.intersect1d(patients[validation], patients[~validation]).size
    assert not validation.all()
    np.testing.assert_array_equal(validation, splits.grouped(labels, patients))


def test_grouped_classes_give_nearly_their_share():
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(600), rng.integers(1, 5, 600))
    labels = rng.integers(0, 5, len(patients))
    validation = splits.grouped(labels, patients)
    shares = [validation[labels == label].mean() for label in range(5)]
    np.testing.assert_allclose(shares, splits.VALIDATION_SHARE, atol=0.03)


@pytest.mark.parametrize("patients", [[0], [0, 0, 0]])
def test_one_patient_stays_in_train(patients):
    assert not splits.grouped(np.zeros(len(patients), int), np.array(patients)).any()


def test_no_patient_of_the_real_rows_is_on_two_sides(shared_data):
    """All 3568 rows of the four case-description files."""
    rows = {"train": [], "test": []}
    for (stem, split), name in CSV_NAMES.items():
        data = (shared_data / "cbis_csv" / name).read_bytes()
        rows[split] += parse(data, abnormality_type=TYPES[stem], split=split, where=name)
    assert sum(map(len, rows.values())) == 3568
    sides = {}
    for split, lesions in rows.items():
        names = [f"{row.pathology}_{SUFFIXES[row.abnormality_type]}" for row in lesions]
        labels = np.array([LABELS.index(name) if name in LABELS else 0 for name in names])
        sides[split] = labels, np.array([row.patient_id for row in lesions])
    labels, patients = sides["train"]
    validation = splits.grouped(labels, patients)
    official = sides["test"][1]
    overlap = splits.overlapping(patients, official)
    assert len(np.unique(official[overlap])) == 31
    three = [set(p) for p in (patients[~validation], patients[validation], official[~overlap])]
    assert all(three)
    assert len(set.union(*three)) == sum(map(len, three))
    assert validation.mean() == pytest.approx(splits.VALIDATION_SHARE, abs=0.02)
