"""The published tables agree with each other as far as their rounding lets them."""

import numpy as np
import pytest

from jaxcbis.labels import LABELS
from jaxcbis.report import paper

SUPPORT = np.array([paper.SUPPORT[label] for label in LABELS])
rows = pytest.mark.parametrize("row", paper.ROWS.values(), ids=lambda row: row.name)


@rows
def test_table_three_is_the_auc_of_hard_predictions(row):
    """All 20 AUCs follow from the confusion matrices: no ranking by probability is in them."""
    shares = np.array(row.confusion)
    true_positive_rate = shares.diagonal()
    false_positives = SUPPORT @ shares - SUPPORT * true_positive_rate
    true_negative_rate = 1 - false_positives / (SUPPORT.sum() - SUPPORT)
    recomputed = (true_positive_rate + true_negative_rate) / 2
    # 0.005 for the rounding of the printed AUC, 0.005 for that of the shares
    np.testing.assert_allclose(recomputed, list(row.auc.values()), atol=0.01)
    assert recomputed.mean() == pytest.approx(row.auc_mean, abs=0.01)


@rows
def test_confusion_rows_are_shares(row):
    np.testing.assert_allclose(np.sum(row.confusion, axis=1), 1, atol=0.025)


@rows
def test_reports_agree_with_confusion_and_accuracy(row):
    shares = np.array(row.confusion)
    recalls = [line.recall for line in row.report.values()]
    precisions = SUPPORT * shares.diagonal() / (SUPPORT @ shares)
    np.testing.assert_allclose(recalls, shares.diagonal(), atol=0.0051)
    np.testing.assert_allclose([r.precision for r in row.report.values()], precisions, atol=0.015)
    f1 = [2 * r.precision * r.recall / (r.precision + r.recall) for r in row.report.values()]
    np.testing.assert_allclose([r.f1 for r in row.report.values()], f1, atol=0.0101)
    assert np.mean(f1) == pytest.approx(row.macro_f1, abs=0.01)
    # Figure 11 prints 0.71 where Table II prints 0.70.
    assert SUPPORT @ recalls / SUPPORT.sum() == pytest.approx(row.accuracy, abs=0.011)


@rows
def test_table_four_is_a_product(row):
    assert row.accuracy * row.ll_score == pytest.approx(row.accuracy_x_ll, abs=0.001)


def test_supports_disagree_with_table_one():
    assert SUPPORT.sum() == 619
    assert sum(paper.TABLE_ONE["test"].values()) == 857
    assert sum(paper.TABLE_ONE["train"].values()) == 2530
