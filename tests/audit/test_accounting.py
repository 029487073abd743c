"""The audit's accounting against figures known by construction."""

import numpy as np
import pytest

from jaxcbis.audit import accounting
from jaxcbis.audit.accounting import Answers


def answers(cause, correct, iou, patients, *, all_lesions=False):
    labels = np.arange(len(correct)) % 2
    right = np.where(correct, labels, 1 - labels)
    return Answers(
        cause, labels, np.array(patients), np.eye(5)[right] * 0.6 + 0.08, np.array(iou), all_lesions
    )


def test_figures_and_changes_of_each_step():
    patients = [str(k // 2) for k in range(8)]
    iou = [np.nan, 0.8] * 4
    first = answers("paper", [1, 1, 1, 1, 1, 1, 0, 0], iou, patients)
    second = answers("blind", [1, 1, 1, 0, 1, 0, 0, 0], iou, patients)
    third = accounting.select("overlap", second, np.arange(8) >= 2)
    fourth = third._replace(cause="all", all_lesions=True)
    rows = accounting.account([first, second, third, fourth])
    assert [row["cause"] for row in rows] == ["paper", "blind", "overlap", "all"]
    assert [row["n"] for row in rows] == [8, 8, 6, 6]
    assert [row["accuracy"] for row in rows] == pytest.approx([6 / 8, 4 / 8, 2 / 6, 2 / 6])
    assert rows[1]["changes"]["accuracy"]["difference"] == pytest.approx(-2 / 8)
    assert "changes" not in rows[0]
    assert rows[2]["ll_score"] is None  # no lesion is classified correctly
    assert rows[3]["ll_score"] == pytest.approx(0.8)
    assert rows[3]["changes"]["accuracy"] == {"difference": 0.0, "ci95": [0.0, 0.0]}


def test_a_change_within_the_same_patches_is_surer_than_the_figures_themselves():
    rng = np.random.default_rng(0)
    patients = rng.integers(0, 100, 400).astype(str)
    correct = rng.random(400) < 0.6
    same = answers("same", correct, np.full(400, np.nan), patients)
    rows = accounting.account([same, same._replace(cause="again")])
    low, high = rows[0]["accuracy_ci95"]
    assert low < correct.mean() < high
    assert rows[1]["changes"]["accuracy"] == {"difference": 0.0, "ci95": [0.0, 0.0]}


def test_joined_answers_hold_both():
    one = answers("a", [1, 1], [0.5, np.nan], ["p", "q"])
    two = answers("b", [0, 0], [np.nan, np.nan], ["r", "s"])
    both = accounting.join("c", one, two)
    assert list(both.patients) == ["p", "q", "r", "s"]
    assert accounting.account([both])[0]["accuracy"] == 0.5
