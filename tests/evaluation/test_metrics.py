"""Classification figures against scikit-learn, and the figures that do not exist."""

import json
import warnings

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    classification_report,
    confusion_matrix,
    precision_recall_fscore_support,
    roc_auc_score,
)

from jaxcbis.errors import UserError
from jaxcbis.evaluation import bootstrap, metrics
from jaxcbis.evaluation.metrics import classification
from jaxcbis.labels import LABELS
from tests.differences import assert_within


@pytest.fixture(autouse=True)
def warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def predictions(n, seed=0, classes=range(5)):
    rng = np.random.default_rng(seed)
    labels = rng.choice(list(classes), n)
    probabilities = rng.dirichlet(np.ones(5), n)
    probabilities[np.arange(n), labels] += 0.2
    return labels, probabilities / probabilities.sum(1, keepdims=True), rng.integers(0, 40, n)


@pytest.mark.parametrize("seed", range(5))
def test_equals_scikit_learn(seed):
    labels, probabilities, patients = predictions(300, seed)
    ours = classification(labels, probabilities, patients)
    predicted = probabilities.argmax(1)
    report = classification_report(labels, predicted, target_names=LABELS, output_dict=True)
    one_hot = np.eye(5)[predicted]

    assert ours["accuracy"] == accuracy_score(labels, predicted)
    assert ours["confusion"] == confusion_matrix(labels, predicted).tolist()
    assert ours["macro_f1"] == report["macro avg"]["f1-score"]
    assert ours["weighted_f1"] == report["weighted avg"]["f1-score"]
    for name, theirs in ((label, report[label]) for label in LABELS):
        figures = ours["per_class"][name]
        assert figures["precision"] == theirs["precision"]
        assert figures["recall"] == theirs["recall"]
        assert figures["f1"] == theirs["f1-score"]
        assert figures["support"] == theirs["support"]
    auc = roc_auc_score(labels, probabilities, multi_class="ovr", average=None)
    auc_hard = roc_auc_score(labels, one_hot, multi_class="ovr", average=None)
    assert [f["auc"] for f in ours["per_class"].values()] == auc.tolist()
    assert [f["auc_hard"] for f in ours["per_class"].values()] == auc_hard.tolist()
    assert ours["auc_mean"] == auc.mean()
    assert ours["auc_hard_mean"] == auc_hard.mean()


@pytest.mark.parametrize("classes", [range(5), (0, 2, 4)])
def test_two_questions_that_the_classes_answer_together(classes):
    """With their intervals, against scikit-learn on samples that are written out item by item."""
    labels, probabilities, patients = predictions(80, 1, classes)
    probabilities[0] = np.eye(5)[0]  # surely background: benign as well as malignant
    ours = classification(labels, probabilities, patients)
    lesion, malignant = labels > 0, labels > 2
    share = probabilities[:, 3:].sum(1) / np.maximum(probabilities[:, 1:].sum(1), 1e-300)
    share[0] = 0.5
    asked = {
        "lesion_auc": (lesion, 1 - probabilities[:, 0], np.arange(80)),
        "malignancy_auc": (malignant, share, np.flatnonzero(lesion)),
    }
    drawn = bootstrap.draw(patients)[:200].astype(int)
    for name, (true, scores, of) in asked.items():
        assert ours[name] == pytest.approx(roc_auc_score(true[of], scores[of]))
        samples = [np.repeat(of, times[of]) for times in drawn]
        expected = [roc_auc_score(true[items], scores[items]) for items in samples]
        found = bootstrap.auc(scores[of], true[of], drawn[:, of])
        np.testing.assert_allclose(found, expected)
        every = bootstrap.auc(scores[of], true[of], bootstrap.draw(patients)[:, of])
        assert ours[f"{name}_ci95"] == pytest.approx(bootstrap.interval(every))
    for only in (0, 1):  # background, and benign lesions
        alone = classification(np.full(6, only), probabilities[:6], np.arange(6))
        assert alone["lesion_auc"] is alone["malignancy_auc"] is None
        assert alone["lesion_auc_ci95"] is alone["malignancy_auc_ci95"] is None


def test_hard_auc_is_the_mean_of_the_two_rates():
    labels, probabilities, patients = predictions(200)
    ours = classification(labels, probabilities, patients)
    counts = np.array(ours["confusion"])
    for k, figures in enumerate(ours["per_class"].values()):
        positives = counts[k].sum()
        true_negative_rate = 1 - (counts[:, k].sum() - counts[k, k]) / (200 - positives)
        expected = (counts[k, k] / positives + true_negative_rate) / 2
        assert figures["auc_hard"] == pytest.approx(expected, abs=1e-12)


def test_absent_classes_are_null_and_leave_the_means():
    labels, probabilities, patients = predictions(200, classes=(0, 2, 4))
    ours = classification(labels, probabilities, patients)
    for name in ("BENIGN_Calc", "MALIGNANT_Calc"):
        figures = ours["per_class"][name]
        assert figures.pop("support") == 0
        assert set(figures.values()) == {None}
    predicted = probabilities.argmax(1)
    report = classification_report(
        labels, predicted, labels=[0, 2, 4], output_dict=True, zero_division=0
    )
    assert ours["macro_f1"] == report["macro avg"]["f1-score"]
    assert ours["weighted_f1"] == report["weighted avg"]["f1-score"]
    present = [roc_auc_score(labels == k, probabilities[:, k]) for k in (0, 2, 4)]
    assert ours["auc_mean"] == np.mean(present)


def test_constant_predictions():
    labels = np.repeat(np.arange(5), 4)
    ours = classification(labels, np.tile([0.1, 0.1, 0.6, 0.1, 0.1], (20, 1)), np.arange(20))
    assert ours["accuracy"] == 0.2
    assert ours["auc_mean"] == ours["auc_hard_mean"] == 0.5
    never_predicted = ours["per_class"]["BACKGROUND"]
    assert never_predicted["precision"] is None
    assert never_predicted["recall"] == never_predicted["f1"] == 0


def test_one_class_only_has_no_auc():
    ours = classification(np.zeros(6, int), np.tile([0.6, 0.4, 0, 0, 0], (6, 1)), np.arange(6))
    assert ours["accuracy"] == 1
    assert ours["auc_mean"] is None
    assert ours["auc_hard_mean"] is None


def test_nothing_to_score():
    ours = classification([], [], [])
    assert ours["n"] == 0
    assert ours["accuracy"] is None
    assert ours["accuracy_ci95"] is None
    assert ours["confusion"] == [[0] * 5] * 5
    json.dumps(ours, allow_nan=False)


def test_probabilities_that_are_not_finite_are_refused():
    labels, probabilities, patients = predictions(10)
    probabilities[3, 1] = np.nan
    with pytest.raises(UserError, match="1 of 10 test items are not finite"):
        classification(labels, probabilities, patients)


def test_class_intervals_are_those_of_resampled_patients():
    """Against scikit-learn on samples that are written out item by item."""
    labels, probabilities, patients = predictions(60, seed=3)
    drawn = bootstrap.draw(patients, draws=200)
    found = metrics._per_class(labels, probabilities.argmax(1), probabilities, drawn)
    samples = []
    for times in drawn:
        items = np.repeat(np.arange(60), times.astype(int))
        *figures, support = precision_recall_fscore_support(
            labels[items], probabilities[items].argmax(1), labels=range(5), zero_division=np.nan
        )
        samples.append(np.where(support, figures, np.nan))
    what = "intervals of the classes' figures | scikit-learn, resampled"
    low, high = np.nanquantile(samples, (0.025, 0.975), axis=0)
    for k, label in enumerate(LABELS):
        for row, name in enumerate(("precision", "recall", "f1")):
            expected = [low[row, k], high[row, k]]
            assert_within(1e-12, found[label]["ci95"][name], expected, what, detail=name)


def test_shares_of_none_or_all_are_not_certain():
    """Four patients of each of three classes; the last class is never told."""
    labels, predicted = np.repeat([0, 1, 2], 4), np.repeat([0, 1, 1], 4)
    found = classification(labels, np.eye(5)[predicted], np.arange(12))
    of_four = 0.025 ** (1 / 4)
    background, told, never = (found["per_class"][name]["ci95"] for name in LABELS[:3])
    assert background["precision"] == background["recall"] == told["recall"]
    assert told["recall"] == pytest.approx([of_four, 1])
    assert never["recall"] == pytest.approx([0, 1 - of_four])
    assert never["precision"] is None
    assert 0 < told["precision"][0] < told["precision"][1] < 1
    whole = classification(labels, np.eye(5)[labels], np.arange(12))
    assert whole["accuracy_ci95"] == pytest.approx([0.025 ** (1 / 12), 1])
