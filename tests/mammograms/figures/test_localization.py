"""Where maps and sweeps point, in views whose lesions are drawn by hand."""

from dataclasses import replace

import numpy as np
import pytest

from jaxcbis.errors import UserError
from jaxcbis.mammograms.figures import localization
from jaxcbis.mammograms.figures.localization import Marks
from tests.mammograms.figures import toy_views


def malignant(count, *squares):
    """Views of 40 x 40 with lesions of 8 x 8: (view, row, column)."""
    views = toy_views.views(count)
    for view, row, column in squares:
        views.malignant_masks[view, row : row + 8, column : column + 8] = True
    labels = views.malignant_masks.any((1, 2)).astype(np.int32)
    return replace(views, masks=views.malignant_masks.copy(), labels=labels)


def test_peaks_are_the_local_maxima_the_highest_first():
    heat = np.array([[0, 1, 0, 0, 0], [0, 0, 0, 3, 2], [2, 2, 0, 0, 0], [0, 0, 0, 0, 1]])
    points, values = localization.peaks(heat)
    assert points.tolist() == [[1, 3], [2, 0], [0, 1], [3, 4]]
    assert values.tolist() == [3, 2, 1, 1]


def test_a_map_of_zeros_has_no_mark_and_an_even_one_has_one():
    assert len(localization.of_map(np.zeros((3, 4)), 0.9, (30, 40)).scores) == 0
    marks = localization.of_map(np.full((3, 4), 7.0), 0.9, (30, 40))
    assert (marks.points.tolist(), marks.scores.tolist()) == ([[5, 5]], [0.9])


@pytest.mark.parametrize(("row", "column"), [(1.8, 3.0), (2.2, 2.7), (3.0, 4.4)])
def test_a_peak_between_the_middles_of_cells_is_found_there(row, column):
    """A parabola has its top where it is put, and a blob nearly so."""
    y, x = np.indices((6, 7))
    squared = (y - row) ** 2 + (x - column) ** 2
    for heat, tolerance in ((40 - squared, 1e-9), (np.exp(-squared / 2), 0.06)):
        points, _ = localization.peaks(heat)
        found = points[:1] + localization.within(heat, points[:1])
        np.testing.assert_allclose(found, [[row, column]], atol=tolerance)
    marks = localization.of_map(40 - squared, 1.0, (60, 70))
    expected = np.floor([(row + 0.5) * 10 + 1e-9, (column + 0.5) * 10 + 1e-9])
    np.testing.assert_array_equal(marks.points[0], expected)


def test_at_the_edge_of_a_map_a_peak_is_in_the_middle_of_its_cell():
    heat = np.array([[9.0, 5, 1], [8, 4, 1], [7, 3, 1]])
    assert localization.of_map(heat, 1.0, (30, 30)).points.tolist() == [[5, 5]]
    assert localization.of_map([[3.0]], 1.0, (30, 30)).points.tolist() == [[15, 15]]


def test_a_mark_is_the_middle_of_its_cell_and_scores_its_share_times_the_probability():
    heat = np.zeros((4, 8))
    heat[1, 2], heat[3, 7] = 10, 5
    marks = localization.of_map(heat, 0.6, (40, 40))
    assert marks.points.tolist() == [[15, 12], [35, 37]]
    np.testing.assert_allclose(marks.scores, [0.6, 0.3])


def test_boxes_of_a_mammogram_are_found_in_a_reduced_cut_and_mirrored_view():
    views = malignant(2)
    boxes = np.array([[100, 20, 180, 100]] * 2, np.int32)  # reduced to half
    views = replace(views, boxes=boxes, flipped=np.array([False, True]))
    windows = [[104, 28, 116, 40], [300, 28, 312, 40]]  # the second lies outside
    marks = localization.of_boxes(windows, [0.7, 0.9], views, 0)
    assert marks.points.tolist() == [[7, 5]]
    assert marks.scores.tolist() == [0.7]
    assert localization.of_boxes(windows, [0.7, 0.9], views, 1).points.tolist() == [[7, 35]]
    assert len(localization.of_boxes([], [], views, 0).scores) == 0


def test_marks_of_a_mammogram_meet_the_pixels_that_the_loader_would_put_there():
    """The place of one bright pixel, cut out, reduced and mirrored as an image is."""
    film = np.zeros((100, 120), np.uint8)
    film[40:44, 90:94] = 255
    left, top, right, bottom = 40, 20, 120, 100
    cut = film[top:bottom, left:right][::2, ::2][:, ::-1]
    views = replace(
        malignant(1),
        boxes=np.array([[left, top, right, bottom]], np.int32),
        flipped=np.array([True]),
    )
    ((y, x),) = localization.of_boxes([[90, 40, 94, 44]], [1.0], views, 0).points
    assert cut[y, x] == 255


def test_pointing_game_and_its_blind_baselines_by_hand():
    """A lesion in the corner, one in the middle of the breast, one that is not malignant."""
    views = malignant(3, (0, 4, 0), (1, 16, 6))
    views.masks[2, 4:12, 0:8] = True
    maps = np.zeros((3, 5, 5))
    maps[0, 0, 0], maps[0, 2, 1] = 2, 1  # the lesion; a lesser peak elsewhere
    maps[1, 0, 4] = 1  # elsewhere
    maps[2, 0, 0] = 1  # a benign lesion
    found = localization.of_maps(views, maps, [0.9, 0.8, 0.7])
    assert found["n"] == 2
    assert found["pointing_game"] == 0.5
    assert found["blind"]["random"] == pytest.approx(64 / 640)
    assert found["blind"]["centre"] == 0.5
    assert found["over_blind"]["random"]["difference"] == pytest.approx(0.5 - 0.1)
    assert found["over_blind"]["centre"]["difference"] == 0
    # One false mark in the first view, one in the second, one in the third, over three views.
    assert found["froc"]["images"] == 3
    assert found["froc"]["lesions"] == 2
    assert found["froc"]["thresholds"] == [0.9, 0.45]
    assert found["froc"]["sensitivity"] == [0.5, 0.5]
    np.testing.assert_allclose(found["froc"]["false_positives_per_image"], [0, 1])
    assert found["froc"]["sensitivity_at"]["0.125"] == 0.5


def test_a_mark_in_a_benign_lesion_is_a_false_positive():
    views = malignant(2, (0, 4, 0))
    views.masks[1, 4:12, 0:8] = True
    marks = [Marks(np.array([[5, 5]]), np.array([0.5])), Marks(np.array([[5, 5]]), np.array([0.9]))]
    found = localization.score(views, marks)["froc"]
    assert found["thresholds"] == [0.9, 0.5]
    assert found["false_positives_per_image"] == [0.5, 0.5]
    assert found["sensitivity"] == [0, 1]


def test_lesions_are_the_connected_parts_of_the_mask():
    views = malignant(1, (0, 4, 0), (0, 24, 4))
    assert [part.sum() for part in localization.lesions(views.malignant_masks[0])] == [64, 64]
    marks = [Marks(np.array([[5, 5]]), np.array([0.5]))]
    found = localization.score(views, marks)
    assert found["froc"]["lesions"] == 2
    assert found["froc"]["sensitivity"] == [0.5]
    assert found["pointing_game"] == 1


def test_views_whose_masks_are_not_all_known_count_in_nothing():
    views = malignant(3, (0, 4, 0), (1, 4, 0))
    views = replace(views, masked=np.array([True, False, True]))
    maps = np.zeros((3, 5, 5))
    maps[:, 0, 0] = 1
    found = localization.of_maps(views, maps, [0.5] * 3)
    assert (found["n"], found["views"], found["left_out"]) == (1, 2, 1)
    assert found["froc"]["lesions"] == 1


def test_a_map_of_zeros_misses():
    views = malignant(2, (0, 4, 0), (1, 4, 0))
    found = localization.of_maps(views, np.zeros((2, 5, 5)), [0.5, 0.5])
    assert found["pointing_game"] == 0
    assert found["froc"]["sensitivity_at"]["8"] == 0


def test_intervals_are_by_patient():
    views = malignant(40, *((k, 4, 0) for k in range(40)))
    maps = np.zeros((40, 5, 5))
    maps[:30, 0, 0] = maps[30:, 4, 4] = 1
    found = localization.of_maps(views, maps, np.linspace(0.9, 0.1, 40))
    low, high = found["pointing_game_ci95"]
    assert low < found["pointing_game"] == 0.75 < high
    assert high - low == pytest.approx(0.27, abs=0.03)  # as of the binomial distribution
    assert found["over_blind"]["random"]["verdict"] == "better"
    low, high = found["froc"]["sensitivity_at_ci95"]["1"]
    assert low < 0.75 < high
    in_pairs = replace(views, patients=np.repeat(views.patients[:20], 2))
    wider = localization.of_maps(in_pairs, maps, np.linspace(0.9, 0.1, 40))
    assert np.diff(wider["pointing_game_ci95"]) > 0.3


def test_the_sweep_has_the_same_figures_and_a_paired_difference():
    views = malignant(3, (0, 4, 0), (1, 4, 0), (2, 4, 0))
    ours = [Marks(np.array([[5, 5]]), np.array([0.5]))] * 3
    swept = [Marks(np.array([[5, 5], [30, 30]]), np.array([0.4, 0.8])), ours[1], None]
    found = localization.of_sweep(views, swept, ours)
    assert (found["n"], found["left_out"], found["pointing_game"]) == (
        2,
        1,
        0.5,
    )  # the one that was not swept is out
    assert found["difference"] == 0.5
    assert found["verdict"] == "within noise"
    assert found["froc"] == localization.score(views.select([0, 1]), swept[:2])["froc"]


def test_a_thinned_curve_has_the_steps_of_the_whole_one():
    rng = np.random.default_rng(0)
    views = malignant(6, *((k, 8 * k % 32, 8 * k % 24) for k in range(5)))
    marks = [Marks(rng.integers(0, 40, (30, 2)), rng.random(30)) for _ in range(6)]
    found = localization.score(views, marks)["froc"]
    assert len(found["thresholds"]) <= found["lesions"] + 2
    sensitivity, false = np.array(found["sensitivity"]), found["false_positives_per_image"]
    for rate, at in found["sensitivity_at"].items():
        reached = sensitivity[np.array(false) <= float(rate)].max(initial=0)
        assert at == reached


def test_the_ceiling_of_a_grid_is_what_a_map_that_knows_the_lesions_reaches():
    views = malignant(2, (0, 16, 6), (1, 4, 22))
    found = localization.of_maps(views, np.ones((2, 8, 8)), [0.5, 0.6])
    assert (found["grid"], found["grid_ceiling"], found["pointing_game"]) == ([8, 8], 1, 0)
    coarse = localization.of_maps(views, np.ones((2, 1, 1)), [0.5, 0.6])
    assert coarse["grid_ceiling"] == 0  # one cell: its middle is in neither


def test_a_map_of_one_cell_cannot_tell_two_lesions_apart():
    """They lie left and right, and its only peak between them."""
    views = malignant(1, (0, 16, 0), (0, 16, 32))
    assert localization.of_maps(views, np.ones((1, 1, 3)), [0.5])["grid_ceiling"] == 1
    assert localization.of_maps(views, np.ones((1, 1, 1)), [0.5])["grid_ceiling"] == 0


def test_without_malignant_views_there_is_no_pointing_game():
    found = localization.of_maps(toy_views.views(2), np.ones((2, 5, 5)), [0.5, 0.6])
    assert (found["n"], found["pointing_game"], found["pointing_game_ci95"]) == (0, None, None)
    assert found["grid_ceiling"] is None
    assert found["blind"] == {"random": None, "centre": None}
    assert found["froc"]["sensitivity"] is None


def test_maps_that_are_no_numbers_are_refused():
    maps = np.ones((2, 5, 5))
    maps[1, 2, 2] = np.nan
    with pytest.raises(UserError, match=r"maps of 1 of 2 views are not finite.*learning rates"):
        localization.of_maps(toy_views.views(2), maps, [0.5, 0.6])
    with pytest.raises(ValueError, match="expected marks of 2 views, got 1"):
        localization.score(toy_views.views(2), [Marks(np.zeros((0, 2), int), np.zeros(0))])
