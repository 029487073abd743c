"""Sweeps against windows cut one by one, by other means."""

import numpy as np
import pytest
from skimage.transform import downscale_local_mean

from jaxcbis.detection import sweep as sweeping
from jaxcbis.errors import UserError

WINDOW = 16


def swept(answer, image, window, trained=None):
    return sweeping.sweep(answer, sweeping.plan(image, window, trained=trained))


def film(height=70, width=50, seed=0):
    """Breast on the left, black film on the right."""
    image = np.random.default_rng(seed).integers(60, 200, (height, width)).astype(np.uint8)
    image[:, width * 2 // 3 :] = 3
    return image


def by_mean(crops):
    """Five made-up probabilities that tell what was seen."""
    means = np.array([crop.mean() for crop in crops]) / 255
    return np.stack([1 - means, means * 0.1, means * 0.2, means * 0.3, means * 0.4], axis=1)


def test_every_window_is_seen_alone():
    image = film()
    found = swept(by_mean, image, WINDOW)
    seen = 0
    for (x0, y0, x1, y1), got in zip(
        found.boxes.reshape(-1, 4), found.probabilities.reshape(-1, 5), strict=True
    ):
        crop = image[y0:y1, x0:x1]
        assert crop.shape == (WINDOW, WINDOW)
        if (crop > 20).mean() >= 0.5:
            np.testing.assert_allclose(got, by_mean([crop])[0])
            seen += 1
        else:
            assert np.isnan(got).all()
    assert 0 < seen < found.suspicion.size


def test_a_label_beside_the_breast_is_not_looked_at():
    image = film(80, 100)
    image[5:25, 80:98] = 255
    found = swept(by_mean, image, WINDOW)
    centres = (found.boxes[..., 0] + found.boxes[..., 2]) / 2
    assert np.isnan(found.suspicion[centres > 75]).all()
    assert np.isfinite(found.suspicion[centres < 60]).all()


def test_windows_cover_the_mammogram_evenly():
    boxes = swept(by_mean, film(), WINDOW).boxes
    assert (boxes[0, 0] == (0, 0, WINDOW, WINDOW)).all()
    assert (boxes[-1, -1, 2:] == (50, 70)).all()
    for starts in (boxes[0, :, 0], boxes[:, 0, 1]):
        assert set(np.diff(starts)) <= {3, 4}


def test_a_finer_mammogram_is_reduced_to_the_training_resolution():
    """Three times finer: the same answers as of the mammogram that was averaged 3 x 3."""
    fine = film(210, 150)
    coarse = np.rint(downscale_local_mean(fine, (3, 3))).astype(np.uint8)
    got = swept(by_mean, fine, 3 * WINDOW, trained=WINDOW)
    expected = swept(by_mean, coarse, WINDOW)
    np.testing.assert_allclose(got.probabilities, expected.probabilities, atol=2e-3)
    np.testing.assert_array_equal(got.boxes, 3 * expected.boxes)


def test_the_best_boxes_hardly_overlap():
    image = film()
    image[20:36, 4:20] = 255
    image[50:66, 10:26] = 230
    found = swept(by_mean, image, WINDOW)
    marks = sweeping.best(found, 4)
    assert marks[0].score == np.nanmax(found.suspicion)
    assert [m.score for m in marks] == sorted((m.score for m in marks), reverse=True)
    for i, a in enumerate(marks):
        for b in marks[:i]:
            assert overlap(a.box, b.box) <= 0.1
    best = [mark.box for mark in marks[:2]]
    assert overlap(best[0], (4, 20, 20, 36)) > 0.6
    assert overlap(best[1], (10, 50, 26, 66)) > 0.6
    everywhere = sweeping.ranked(found, found.suspicion)
    free = ~np.isnan(found.suspicion)
    for box in found.boxes[free]:  # every window is kept, or overlaps one that is
        assert any(overlap(box, mark.box) > 0.1 for mark in everywhere)


@pytest.mark.parametrize(
    ("background", "said"),
    [(0.4, "0.600"), (0.0013, "0.999"), (0.00031, "1 - 0.00031"), (2.16e-7, "1 - 2.2e-07")],
)
def test_boxes_that_are_all_but_certain_differ(background, said):
    classes = np.full(5, (1 - background) / 4)
    classes[0] = background
    assert sweeping.Mark((0, 0, 8, 8), 1 - background, classes).lesion == said


def overlap(a, b) -> float:
    grid = np.zeros((2, 80, 80), bool)
    for area, (x0, y0, x1, y1) in zip(grid, (a, b), strict=True):
        area[y0:y1, x0:x1] = True
    return (grid[0] & grid[1]).sum() / (grid[0] | grid[1]).sum()


def test_film_without_breast_has_no_answer():
    found = swept(by_mean, np.zeros((40, 40), np.uint8), WINDOW)
    assert np.isnan(found.suspicion).all()
    assert sweeping.best(found, 5) == []


def test_a_mammogram_smaller_than_a_window():
    with pytest.raises(UserError, match="--window"):
        swept(by_mean, film(), 51)
