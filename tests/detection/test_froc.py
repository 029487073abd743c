"""Free-response figures against cases computed by hand."""

import numpy as np
import pytest

from jaxcbis.detection.froc import froc, hits, resampled


def test_two_images_by_hand():
    """Three lesions, of which one is found at 0.9 (twice), one at 0.6 and one never.

    Image 1 has lesions A and B: marks 0.9 on A, 0.8 nowhere, 0.7 on A again, 0.6 on B. Image 2 has
    lesion C: marks 0.8 and 0.5 nowhere.
    """
    scores = [[0.9, 0.8, 0.7, 0.6], [0.8, 0.5]]
    found = [[[1, 0], [0, 0], [1, 0], [0, 1]], [[0], [0]]]
    got = froc(scores, found)
    assert (got["images"], got["lesions"]) == (2, 3)
    assert got["thresholds"] == [0.9, 0.8, 0.7, 0.6, 0.5]
    assert got["false_positives_per_image"] == [0, 1, 1, 1, 1.5]
    assert got["sensitivity"] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert got["sensitivity_at"] == pytest.approx(
        {
            "0.125": 1 / 3,
            "0.25": 1 / 3,
            "0.5": 1 / 3,
            "1": 2 / 3,
            "2": 2 / 3,
            "4": 2 / 3,
            "8": 2 / 3,
        }
    )


def test_no_marks_and_no_lesions():
    none = froc([[]], [np.zeros((0, 2), bool)])
    assert none["lesions"] == 2
    assert none["sensitivity_at"]["8"] == 0
    healthy = froc([[0.5]], [np.zeros((1, 0), bool)])
    assert healthy["lesions"] == 0
    assert healthy["false_positives_per_image"] == [1]
    assert set(healthy["sensitivity_at"].values()) == {None}


def test_a_mark_hits_where_its_centre_lies():
    mask, other = np.zeros((2, 20, 30), np.uint8)
    mask[5:10, 10:15] = other[9:12, 14:20] = 255
    boxes = [(8, 3, 16, 11), (10, 10, 20, 20), (12, 7, 16, 11), (0, 0, 4, 4)]
    expected = [[True, False], [False, False], [True, True], [False, False]]
    np.testing.assert_array_equal(hits(boxes, [mask, other]), expected)
    assert hits(boxes, []).shape == (4, 0)
    assert hits(np.empty((0, 4)), [mask]).shape == (0, 1)


def test_samples_of_images_are_those_of_froc_with_the_images_repeated():
    rng = np.random.default_rng(3)
    marks, lesions = (6, 9, 0, 12, 30), (1, 3, 2, 1, 2)
    scores = [rng.integers(1, 20, k) / 20 for k in marks]  # with ties
    found = [rng.random((k, n)) < 0.15 for k, n in zip(marks, lesions, strict=True)]
    times = rng.multinomial(5, np.full(5, 0.2), size=60).astype(float)
    samples = resampled(scores, found, times)
    for drawn, got in zip(times.astype(int), samples, strict=True):
        index = np.repeat(np.arange(5), drawn)
        expected = froc([scores[i] for i in index], [found[i] for i in index])
        np.testing.assert_allclose(got, list(expected["sensitivity_at"].values()), atol=1e-12)
    assert len(np.unique(samples)) > 10


def test_samples_without_a_lesion_have_no_sensitivity():
    samples = resampled([[0.5], [0.4]], [[[True]], np.zeros((1, 0))], np.array([[0.0, 2], [1, 1]]))
    assert np.isnan(samples[0]).all()
    assert (samples[1] == 1).all()
