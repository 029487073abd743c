"""Scores that need no whole-image classifier, and the comparison with ours."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from jaxcbis.evaluation import bootstrap
from jaxcbis.mammograms.figures import baselines
from tests.mammograms.figures import toy_views


def test_the_breast_is_what_is_brighter_than_film():
    image = np.zeros((30, 30), np.uint8)
    image[:, :10] = 100
    image[:, 10:12] = 15  # film that is not quite black
    np.testing.assert_array_equal(baselines.breast(image), image == 100)
    sixteen = image.astype(np.uint16) * 257
    np.testing.assert_array_equal(baselines.breast(sixteen), image == 100)


def test_area_is_in_pixels_of_the_mammogram():
    views = toy_views.views(2)
    boxes = views.boxes.copy()
    boxes[1] = [10, -40, 90, 40]  # reduced to half; sticks out of the film
    views = replace(views, boxes=boxes)
    np.testing.assert_allclose(baselines.area(views), [32 * 20, 32 * 20 * 4])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_intensity_is_the_mean_over_the_breast(dtype):
    views = toy_views.views(3, dtype=dtype)
    most = np.iinfo(dtype).max
    views.images[1, 4:-4, :10] = most
    views.images[2] = 0
    half = (most // 2) / most
    np.testing.assert_allclose(baselines.intensity(views), [half, (1 + half) / 2, 0])


def test_a_measure_is_turned_around_by_the_validation_split_alone():
    falling, labels = [4.0, 3.0, 2.0, 1.0], [0, 0, 1, 1]
    np.testing.assert_allclose(baselines.turned([5.0, 6.0], falling, labels), [-5, -6])
    np.testing.assert_allclose(baselines.turned([5.0, 6.0], falling[::-1], labels), [5, 6])
    np.testing.assert_allclose(baselines.turned([5.0], [1.0], [1]), [5])  # of one class: as it is


def test_scores_of_views_use_the_validation_views():
    test, validation = toy_views.views(2), toy_views.views(4)
    validation.images[2:, 4:-4, 5:] = 0  # the malignant breasts are the small ones
    validation = replace(validation, labels=np.array([0, 0, 1, 1], np.int32))
    found = baselines.of_views(test, validation)
    assert set(found) == {"breast_area", "mean_intensity"}
    np.testing.assert_allclose(found["breast_area"], -baselines.area(test))
    np.testing.assert_allclose(found["mean_intensity"], baselines.intensity(test))


def test_differences_are_paired_and_by_patient():
    labels, patients, _, _, ours = toy_views.answers(60)
    other = np.random.default_rng(1).random(len(labels))
    found = baselines.compare(labels, patients, ours, {"other": other, "none": None})
    assert found["none"] is None
    row, true, times = found["other"], labels == 1, bootstrap.draw(patients)
    assert row["n"] == len(labels)
    assert row["auc"] == pytest.approx(roc_auc_score(labels, other))
    more = roc_auc_score(labels, ours) - roc_auc_score(labels, other)
    assert row["difference"] == pytest.approx(more)
    samples = bootstrap.auc(ours, true, times) - bootstrap.auc(other, true, times)
    assert row["difference_ci95"] == bootstrap.interval(samples)
    assert row["verdict"] == "better"
    low, high = row["auc_ci95"]
    assert low < row["auc"] < high


def test_chance_is_a_half_and_what_is_the_same_does_not_differ():
    labels, patients, _, _, ours = toy_views.answers(60)
    found = baselines.compare(labels, patients, ours, {"same": ours})
    assert found["chance"]["auc"] == 0.5
    assert found["chance"]["auc_ci95"] is None
    assert found["chance"]["difference"] == pytest.approx(roc_auc_score(labels, ours) - 0.5)
    assert found["same"]["difference"] == 0
    assert found["same"]["difference_ci95"] == [0, 0]
    assert found["same"]["verdict"] == "within noise"


def test_views_without_a_score_are_left_out_of_both():
    labels, patients, _, _, ours = toy_views.answers(60)
    other = np.random.default_rng(1).random(len(labels))
    other[:7] = np.nan
    row = baselines.compare(labels, patients, ours, {"other": other})["other"]
    rest = baselines.compare(labels[7:], patients[7:], ours[7:], {"other": other[7:]})["other"]
    assert row == rest
    assert row["n"] == len(labels) - 7


def test_one_class_has_no_auc_and_no_difference():
    found = baselines.compare([1, 1], ["A", "B"], [0.5, 0.6], {"other": [1, 2]})["other"]
    assert found == {
        "n": 2, "auc": None, "auc_ci95": None, "difference": None, "difference_ci95": None,
        "verdict": None,
    }  # fmt: skip
