"""Figures of views, breasts and patients, by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, roc_auc_score, roc_curve

from jaxcbis.errors import UserError
from jaxcbis.evaluation import bootstrap
from jaxcbis.evaluation.calibration import calibration
from jaxcbis.mammograms.figures import levels
from jaxcbis.mammograms.figures.levels import Answers
from tests.mammograms.figures import toy_views

NO_THRESHOLDS = {level: dict.fromkeys(levels.OPERATING_POINTS) for level in levels.LEVELS}


def answers(count=60, seed=0):
    labels, patients, sides, _, probabilities = toy_views.answers(count, seed)
    return Answers(labels, patients, sides, probabilities)


def test_a_breast_is_the_mean_of_its_views_and_a_patient_the_higher_of_the_breasts():
    found = levels.by_level(
        Answers(
            [0, 1, 0, 0, 0],
            ["A", "A", "A", "B", "B"],
            ["LEFT", "LEFT", "RIGHT", "RIGHT", "RIGHT"],
            [0.2, 0.6, 0.5, 0.1, 0.3],
        )
    )
    breast = found["breast"]
    rows = zip(breast.patients, breast.labels, breast.probabilities.round(6), strict=True)
    assert sorted(rows) == [("A", False, 0.5), ("A", True, 0.4), ("B", False, 0.2)]
    patient = found["patient"]
    assert patient.patients.tolist() == ["A", "B"]
    assert patient.labels.tolist() == [True, False]  # by the other breast than scores higher
    np.testing.assert_allclose(patient.probabilities, [0.5, 0.2])


def test_answers_of_views_are_what_predictions_hold():
    views = toy_views.views(3)
    found = levels.answers(views, [0.1, 0.2, 0.3])
    assert found.patients is views.patients
    assert found.sides is views.sides
    assert found.labels is views.labels


def test_names_of_patients_and_sides_cannot_be_mixed_up():
    found = levels.by_level(Answers([0, 1], ["A LEFT", "A"], ["X", "LEFT X"], [0.1, 0.9]))
    assert len(found["patient"].labels) == 2


def test_auc_and_curve_are_those_of_scikit_learn():
    given = answers()
    found = levels.score(given, NO_THRESHOLDS)
    for level, items in levels.by_level(given).items():
        figures = found[level]
        assert figures["n"] == len(items.labels)
        assert figures["positives"] == items.labels.sum()
        assert figures["auc"] == pytest.approx(roc_auc_score(items.labels, items.probabilities))
        # Ours leaves more points out that lie on a line; what is left has the same area.
        false, true, _ = roc_curve(items.labels, items.probabilities, drop_intermediate=False)
        ours = [*zip(*figures["roc"].values(), strict=True)]
        rounded = {tuple(point) for point in np.round([false, true], 9).T.tolist()}
        assert {tuple(point) for point in np.round(ours, 9).tolist()} <= rounded
        assert np.trapezoid(*np.array(ours).T[::-1]) == pytest.approx(figures["auc"])
        assert ours[0] == (0, 0)
        assert ours[-1] == (1, 1)
        low, high = figures["auc_ci95"]
        assert low < figures["auc"] < high
    assert found["view"]["n"] > found["breast"]["n"] > found["patient"]["n"] == 60


def test_the_interval_resamples_patients():
    given = answers()
    items = levels.by_level(given)["view"]
    samples = bootstrap.auc(items.probabilities, items.labels, bootstrap.draw(given.patients))
    assert levels.score(given, NO_THRESHOLDS)["view"]["auc_ci95"] == bootstrap.interval(samples)
    alone = given._replace(patients=[str(k) for k in range(len(given.labels))])
    assert levels.score(alone, NO_THRESHOLDS)["view"]["auc_ci95"] != bootstrap.interval(samples)


def test_calibration_is_that_of_two_classes():
    given = answers()
    both = np.stack([1 - given.probabilities, given.probabilities], axis=1)
    expected = calibration(given.labels, both)
    assert levels.score(given, NO_THRESHOLDS)["view"]["calibration"] == expected


def test_thresholds_by_hand():
    """Benign 0.1 to 0.5, malignant 0.35, 0.45, 0.6 and 0.9."""
    probabilities = [0.1, 0.2, 0.3, 0.4, 0.5, 0.35, 0.45, 0.6, 0.9]
    labels = [0] * 5 + [1] * 4
    names = [str(k) for k in range(9)]
    chosen = levels.thresholds(Answers(labels, names, ["LEFT"] * 9, probabilities))
    # 0.35 has 1 + 0.6, 0.45 has 0.75 + 0.8, 0.6 has 0.5 + 1; all that are sensitive need 0.35.
    assert chosen["view"] == {"youden": 0.35, "sensitivity_90": 0.35, "specificity_80": 0.45}
    assert chosen["view"] == chosen["breast"] == chosen["patient"]


@pytest.mark.parametrize("seed", range(3))
def test_thresholds_keep_what_they_promise_where_they_were_chosen(seed):
    given = answers(seed=seed)
    chosen = levels.thresholds(given)
    for level, items in levels.by_level(given).items():
        false, true, cuts = roc_curve(items.labels, items.probabilities, drop_intermediate=False)
        at = dict(zip(cuts.tolist(), zip(true, 1 - false, strict=True), strict=True))
        youden, sensitive, specific = (chosen[level][name] for name in levels.OPERATING_POINTS)
        assert sum(at[youden]) == pytest.approx(max(map(sum, at.values())))
        assert sensitive == max(cut for cut, (true, _) in at.items() if true >= 0.9)
        assert specific == min(cut for cut, (_, specificity) in at.items() if specificity >= 0.8)


def test_operating_points_on_other_views_are_those_of_a_confusion_matrix():
    test, validation = answers(60, 1), answers(40, 2)
    chosen = levels.thresholds(validation)
    found = levels.score(test, chosen)
    for level, items in levels.by_level(test).items():
        points = found[level]["operating_points"]
        assert [point["name"] for point in points] == list(levels.OPERATING_POINTS)
        for point in points:
            assert point["chosen_on"] == "validation"
            assert point["threshold"] == chosen[level][point["name"]]
            positive = items.probabilities >= point["threshold"]
            (tn, fp), (fn, tp) = confusion_matrix(items.labels, positive)
            assert point["sensitivity"] == pytest.approx(tp / (tp + fn))
            assert point["specificity"] == pytest.approx(tn / (tn + fp))
            for name in ("sensitivity", "specificity"):
                low, high = point[f"{name}_ci95"]
                assert low <= point[name] <= high
                assert low < high


def test_the_test_split_chooses_nothing():
    validation = answers(40, 2)
    chosen = levels.thresholds(validation)
    for seed in (3, 4):
        points = levels.score(answers(60, seed), chosen)["view"]["operating_points"]
        assert {p["name"]: p["threshold"] for p in points} == chosen["view"]


def test_a_share_of_all_has_an_exact_interval():
    labels, names = [0, 0, 1, 1], list("ABCD")
    given = Answers(labels, names, ["LEFT"] * 4, [0.1, 0.2, 0.8, 0.9])
    found = levels.score(given, levels.thresholds(given))["view"]
    assert found["auc"] == 1
    assert found["auc_ci95"] is None  # without width it would say that it is certain
    point = found["operating_points"][0]
    assert point["sensitivity"] == 1
    low, high = point["sensitivity_ci95"]
    assert (0 < low < 0.5, high) == (True, 1)


def test_what_does_not_exist_is_none():
    given = Answers([1, 1], ["A", "B"], ["LEFT"] * 2, [0.4, 0.6])
    assert levels.thresholds(given) == NO_THRESHOLDS
    found = levels.score(given, NO_THRESHOLDS)["patient"]
    assert found["auc"] is found["auc_ci95"] is found["roc"] is None
    assert {point["sensitivity"] for point in found["operating_points"]} == {None}
    half = {level: dict.fromkeys(levels.OPERATING_POINTS, 0.5) for level in levels.LEVELS}
    point = levels.score(given, half)["view"]["operating_points"][0]
    assert point["sensitivity"] == 0.5
    assert point["specificity"] is point["specificity_ci95"] is None


def test_no_threshold_for_a_specificity_that_ties_make_unreachable():
    given = Answers([0, 0, 1], list("ABC"), ["LEFT"] * 3, [0.9, 0.9, 0.9])
    assert levels.thresholds(given)["view"]["specificity_80"] is None


def test_an_empty_split_and_one_patient_have_no_figures_and_no_intervals():
    empty = levels.score(Answers([], [], [], []), NO_THRESHOLDS)["patient"]
    assert (empty["n"], empty["positives"], empty["auc"]) == (0, 0, None)
    alone = Answers([0, 1], ["A", "A"], ["LEFT", "RIGHT"], [0.1, 0.9])
    figures = levels.score(alone, levels.thresholds(alone))["view"]
    assert figures["auc"] == 1
    assert figures["auc_ci95"] is None
    assert figures["operating_points"][0]["sensitivity_ci95"] is None


def test_probabilities_that_are_no_numbers_are_refused():
    with pytest.raises(UserError, match=r"1 of 2 views are not finite.*learning rates"):
        levels.by_level(Answers([0, 1], list("AB"), ["LEFT"] * 2, [0.5, np.nan]))
    with pytest.raises(ValueError, match="as many of each"):
        levels.by_level(Answers([0, 1], list("AB"), ["LEFT"] * 2, [0.5]))


def test_members_and_their_mean_have_the_figures_of_score():
    test, validation = answers(50, 5), answers(30, 6)
    rng = np.random.default_rng(7)
    of_test, of_validation = (
        np.clip(split.probabilities + rng.normal(0, 0.2, (2, len(split.labels))), 0, 1)
        for split in (test, validation)
    )
    mean, alone = levels.of_members(test, validation, (of_test, of_validation))
    for found, one, other in [
        (mean, of_test.mean(0), of_validation.mean(0)),
        *zip(alone, of_test, of_validation, strict=True),
    ]:
        chosen = levels.thresholds(validation._replace(probabilities=other))
        assert found == levels.score(test._replace(probabilities=one), chosen)
    assert mean != alone[0] != alone[1]
