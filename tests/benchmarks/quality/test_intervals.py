"""Weighted figures against scikit-learn on the drawn items, intervals against SciPy's."""

import numpy as np
import pytest
from scipy.stats import bootstrap
from sklearn.metrics import accuracy_score, roc_auc_score

from benchmarks.quality import intervals
from benchmarks.quality.intervals import Answers
from jaxcbis.evaluation import metrics

CLASSES = 5


def answers(count=150, seed=0, skill=1.0, patients=None):
    """With ties among the probabilities, as a file of six digits may have."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    scores = rng.normal(size=(2, count, CLASSES)) + skill * np.eye(CLASSES)[labels]
    probabilities = np.round(np.exp(scores) / np.exp(scores).sum(-1, keepdims=True), 2)
    iou = np.where(labels == 0, np.nan, rng.uniform(size=(2, count)))
    patients = np.arange(count) if patients is None else patients
    return Answers(labels, patients, *probabilities, *iou)


def test_every_item_once_gives_the_figures_of_the_results():
    told = answers()
    got = intervals.figures(told, np.ones((1, 150)))
    with_label, blind = (
        metrics.classification(told.labels, p, told.patients)
        for p in (told.probabilities, told.blind)
    )
    for name in ("accuracy", "auc_mean", "auc_hard_mean"):
        assert got[name] == pytest.approx(with_label[name], rel=1e-12)
    assert got["accuracy_without_label"] == pytest.approx(blind["accuracy"], rel=1e-12)
    lesions = (told.probabilities.argmax(1) == told.labels) & (told.labels > 0)
    assert got["ll_score"] == pytest.approx(told.iou[lesions].mean(), rel=1e-12)
    library = told.iou_of_library[lesions]
    assert got["ll_score_of_library"] == pytest.approx(library.mean(), rel=1e-12)


def test_drawn_items_count_as_often_as_they_are_drawn():
    told, rng = answers(40), np.random.default_rng(1)
    times = rng.integers(0, 3, (6, 40))
    got = intervals.figures(told, times.astype(float))
    for sample, counts in enumerate(times):
        labels, probabilities, iou = (
            np.repeat(a, counts, axis=0) for a in (told.labels, told.probabilities, told.iou)
        )
        predicted = probabilities.argmax(1)
        assert got["accuracy"][sample] == pytest.approx(accuracy_score(labels, predicted))
        for name, scores in (
            ("auc_mean", probabilities),
            ("auc_hard_mean", np.eye(CLASSES)[predicted]),
        ):
            aucs = [roc_auc_score(labels == k, scores[:, k]) for k in range(CLASSES)]
            assert got[name][sample] == pytest.approx(np.mean(aucs))
        lesions = (predicted == labels) & (labels > 0)
        assert got["ll_score"][sample] == pytest.approx(iou[lesions].mean())


def test_a_class_that_is_not_drawn_has_no_auc():
    told = answers(40)
    present = told.labels != 3
    got = intervals.figures(told, present[None].astype(float))["auc_mean"]
    labels, probabilities = told.labels[present], told.probabilities[present]
    aucs = [roc_auc_score(labels == k, probabilities[:, k]) for k in (0, 1, 2, 4)]
    assert got == pytest.approx(np.mean(aucs))


def test_interval_is_that_of_a_paired_bootstrap():
    ours, peer = answers(seed=1, skill=1.5), answers(seed=2)
    hits = [side.probabilities.argmax(1) == side.labels for side in (ours, peer)]
    differences = hits[0].astype(float) - hits[1]
    expected = bootstrap((differences,), np.mean, method="percentile", n_resamples=9999, rng=0)
    got = intervals.of_differences(ours, peer, draws=9999)["accuracy"]
    np.testing.assert_allclose(got, expected.confidence_interval, atol=0.01)
    assert got[1] - got[0] > 0.1, "too narrow to tell anything"


def test_whole_patients_are_drawn():
    """Of two patients of 75 items each, a quarter of the draws holds one twice."""
    patients = np.repeat(["P1", "P2"], 75)
    ours, peer = (answers(seed=i, skill=i, patients=patients) for i in (1, 2))
    hits = [side.probabilities.argmax(1) == side.labels for side in (ours, peer)]
    each = [(hits[0] * 1.0 - hits[1])[patients == name].mean() for name in ("P1", "P2")]
    got = intervals.of_differences(ours, peer)["accuracy"]
    np.testing.assert_allclose(got, sorted(each), rtol=1e-12)


def test_a_side_beside_itself_does_not_differ():
    ours = answers(50)
    assert set(map(tuple, intervals.of_differences(ours, ours).values())) == {(0.0, 0.0)}


def test_what_does_not_exist_is_none():
    ours = answers(20)
    wrong = ours._replace(probabilities=np.eye(CLASSES)[(ours.labels + 1) % CLASSES])
    assert intervals.of_differences(wrong, wrong)["ll_score"] is None
    one = ours._replace(patients=np.zeros(20))
    assert set(intervals.of_differences(one, one).values()) == {None}
