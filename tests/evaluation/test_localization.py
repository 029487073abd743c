"""Localisation figures: by hand, and against a plain loop written apart from the code."""

import json

import cv2
import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap
from sklearn.metrics import average_precision_score

from jaxcbis.data.patches import Patches
from jaxcbis.errors import UserError
from jaxcbis.evaluation import baselines, cam, localization, overlap
from jaxcbis.evaluation.localization import score
from jaxcbis.labels import LABELS


def patches(masks, labels, patients=None, images=None) -> Patches:
    """Test patches of which only what is given matters; without images they are black."""
    masks, count, nothing = np.asarray(masks, bool), len(labels), np.zeros(0)
    patients = np.zeros(count) if patients is None else np.asarray(patients)
    images = np.zeros(masks.shape, np.uint8) if images is None else images
    ids = np.array([f"patch_{k}" for k in range(count)])
    return Patches(images, masks, np.asarray(labels), ids, patients, nothing)


def square(*boxes, side=8, value=1.0):
    """[k, side, side] maps, each `value` inside its box (y0, y1, x0, x1)."""
    maps = np.zeros((len(boxes), side, side), np.float32)
    for each, (y0, y1, x0, x1) in zip(maps, boxes, strict=True):
        each[y0:y1, x0:x1] = value
    return maps


def test_by_hand():
    """A hit, half a hit, a wrong class, a zero map, a right and a wrong background."""
    maps = square(
        (0, 4, 0, 4), (0, 4, 0, 4), (0, 4, 0, 4), (0, 0, 0, 0), (0, 8, 0, 8), (0, 8, 0, 8)
    )
    masks = square(
        (0, 4, 0, 4), (0, 4, 2, 6), (0, 2, 0, 4), (0, 4, 0, 4), (0, 0, 0, 0), (0, 0, 0, 0)
    )
    test = patches(masks, [1, 2, 3, 2, 0, 0])
    found, iou = score(test, [1, 2, 4, 2, 0, 1], maps)
    np.testing.assert_allclose(iou, [1, 8 / 24, 8 / 16, 0, np.nan, np.nan])
    ll = (1 + 1 / 3 + 0) / 3
    assert found["n_scored"] == 3
    assert found["ll_score"] == pytest.approx(ll)
    assert found["ll_score_background_as_zero"] == pytest.approx(ll * 3 / 4)
    assert found["accuracy_x_ll"] == pytest.approx(4 / 6 * ll)
    assert found["zero_maps"] == 1
    assert found["pointing_game"] == pytest.approx((1 + 0.5 + 0) / 3)
    assert found["energy_in_mask"] == pytest.approx((1 + 0.5 + 0) / 3)
    assert found["otsu"] == pytest.approx(ll)
    assert found["baselines"]["all_ones"] == pytest.approx(0.25)
    assert found["baselines"]["grid_ceiling"] == 1  # the maps are as fine as the masks
    np.testing.assert_array_equal(localization.iou(test, maps, 0.5), iou)
    assert found["per_class"]["BENIGN_Mass"] == {"n": 2, "ll_score": pytest.approx(1 / 6)}
    assert found["per_class"]["MALIGNANT_Calc"] == {"n": 0, "ll_score": None}
    assert list(found["per_class"]) == list(LABELS)


def test_threshold_is_a_share_of_each_maps_own_maximum():
    faint = square((0, 4, 0, 4), value=0.01)
    faint[0, 0, :2] = 0.004
    test = patches(square((0, 4, 0, 4)), [1])
    found, iou = score(test, [1], faint, threshold=0.5)
    assert iou[0] == 14 / 16
    assert found["by_threshold"]["0.40"] == 1
    assert found["by_threshold"]["0.45"] == 14 / 16
    at_its_maximum, _ = score(test, [1], square((0, 4, 0, 4)), threshold=1.0)
    assert at_its_maximum["ll_score"] == 1


def test_centred_gaussian_is_an_ellipse_in_the_middle():
    """At half its maximum a Gaussian of deviation S/4 is a disc of radius S/4 sqrt(2 ln 2)."""
    side = 200
    y, x = np.indices((side, side)) - (side - 1) / 2
    disc = np.hypot(y, x) <= side / 4 * np.sqrt(2 * np.log(2))
    found, _ = score(patches(disc[None], [1]), [1], np.ones((1, 7, 7)))
    assert found["baselines"]["centred_gaussian"] == pytest.approx(1, abs=1e-3)


def independent(maps, masks, labels, predicted, threshold, grid):
    """The definitions once more, one sample at a time, sharing no code with the module."""
    ious, sweep, otsu, hits, energy, ones, ceiling = [], [], [], [], [], [], []
    for heat, mask, label, guess in zip(maps, masks, labels, predicted, strict=True):
        if label == 0 or label != guess:
            continue

        def overlap(area, mask=mask):
            return (area & mask).sum() / (area | mask).sum()

        peak = heat.max()
        ious.append(overlap(heat >= np.float32(threshold) * peak))
        sweep.append([overlap(heat >= np.float32(0.05 * k) * peak) for k in range(1, 20)])
        scaled = np.round(heat / peak * 255).astype(int)
        histogram = np.bincount(scaled.ravel(), minlength=256)
        between = []
        for t in range(255):
            low, high = histogram[: t + 1], histogram[t + 1 :]
            if not low.sum() or not high.sum():
                between.append(-1)
                continue
            means = (
                (low * np.arange(t + 1)).sum() / low.sum(),
                (high * np.arange(t + 1, 256)).sum() / high.sum(),
            )
            between.append(low.sum() * high.sum() * (means[0] - means[1]) ** 2)
        otsu.append(overlap(scaled > np.argmax(between)))
        hits.append(mask[np.isclose(heat, peak, rtol=1e-6, atol=0)].mean())
        energy.append(heat[mask].sum() / heat.sum())
        ones.append(mask.mean())
        block = mask.shape[0] // grid
        coarse = mask.reshape(grid, block, grid, block).mean((1, 3)).astype(np.float32)
        fine = cv2.resize(coarse, mask.shape, interpolation=cv2.INTER_LINEAR)
        ceiling.append(overlap(fine >= np.float32(threshold) * fine.max()))
    background = ((labels == 0) & (predicted == 0)).sum()
    return {
        "ll_score": np.mean(ious),
        "ll_score_background_as_zero": np.sum(ious) / (len(ious) + background),
        "accuracy_x_ll": np.mean(labels == predicted) * np.mean(ious),
        "by_threshold": dict(
            zip([f"{0.05 * k:.2f}" for k in range(1, 20)], np.mean(sweep, 0), strict=True)
        ),
        "otsu": np.mean(otsu),
        "pointing_game": np.mean(hits),
        "energy_in_mask": np.mean(energy),
        "all_ones": np.mean(ones),
        "grid_ceiling": np.mean(ceiling),
    }


@pytest.mark.parametrize("threshold", [0.2, 0.5])
def test_equals_an_independent_loop(threshold):
    rng = np.random.default_rng(0)
    n, side, grid = 60, 56, 7
    coarse = rng.random((n, grid, grid), dtype=np.float32)
    maps = np.asarray(cam.enlarge(coarse, side))
    masks = np.stack([cv2.resize(rng.random((4, 4)), (side, side)) > 0.6 for _ in range(n)])
    masks[:, 20:30, 20:30] = True
    labels = rng.integers(0, 5, n)
    predicted = np.where(rng.random(n) < 0.6, labels, rng.integers(0, 5, n))
    found, _ = score(patches(masks, labels), predicted, coarse, threshold=threshold)
    expected = independent(maps, masks, labels, predicted, threshold, grid)
    found |= found["baselines"]
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, abs=1e-6), key


def test_random_baseline_depends_on_the_seed_alone():
    test = patches(square(*[(2, 6, 2, 6)] * 5), np.ones(5, int))
    args = (test, np.ones(5, int), np.ones((5, 4, 4)))
    first, again, other = (score(*args, seed=s)[0]["baselines"] for s in (0, 0, 1))
    assert first == again
    assert first["random"] != other["random"]


def test_maps_that_were_enlarged_before_are_held_against_their_own_grid():
    masks = square((1, 6, 2, 7), (0, 3, 3, 8))
    test, coarse = patches(masks, [1, 2]), square((0, 2, 1, 3), (1, 3, 2, 4), side=4)
    found, _ = score(test, [1, 2], coarse)
    enlarged, _ = score(test, [1, 2], cam.enlarge(coarse, 8), grid=4)
    assert enlarged == found
    assert found["grid"] == 4
    assert found["baselines"]["grid_ceiling"] < 1


def test_other_choices_of_samples_and_maps():
    """Masses and calcifications apart; a lesion taken for another counts among all of them."""
    maps = square((0, 4, 0, 4), (0, 4, 0, 4), (0, 4, 0, 4), (0, 4, 0, 4))
    masks = square((0, 4, 0, 4), (0, 4, 2, 6), (4, 8, 4, 8), (0, 0, 0, 0)) > 0
    true_maps = maps.copy()
    true_maps[2] = masks[2]
    test = patches(masks, [2, 1, 4, 0], ["a", "b", "c", "d"])
    found, _ = score(test, [2, 1, 3, 0], maps, true_maps)
    samples = found["samples"]
    kinds = ("lesions", "mass", "calcification")
    assert [samples["correct"][kind]["n"] for kind in kinds] == [2, 1, 1]
    per_class = {label: of["n"] for label, of in samples["all"].items() if label in LABELS}
    assert sum(per_class.values()) == samples["all"]["lesions"]["n"]
    assert "BACKGROUND" not in per_class
    assert samples["correct"]["lesions"]["iou"] == pytest.approx((1 + 1 / 3) / 2)
    assert samples["all"]["lesions"]["iou"] == pytest.approx((1 + 1 / 3 + 0) / 3)
    assert samples["all"]["mass"]["iou"] == pytest.approx(1 / 2)
    assert samples["all"]["calcification"]["iou"] == pytest.approx(1 / 3)
    assert samples["all_true_class"]["mass"]["iou"] == 1
    assert found["baseline_figures"]["all_ones"]["mass"]["iou"] == pytest.approx(0.25)
    low, high = found["ll_score_ci95"]
    assert (low, high) == (pytest.approx(1 / 3), 1)


def test_average_precision_is_that_of_scikit_learn():
    """Of a map of a model, one with many equal pixels, a constant and a zero one."""
    rng = np.random.default_rng(3)
    smooth = cv2.resize(rng.random((5, 5), np.float32), (40, 40))
    mask = rng.random((40, 40)) < 0.2
    for heat in (smooth, np.rint(4 * smooth), np.ones_like(smooth), np.zeros_like(smooth)):
        expected = average_precision_score(mask.ravel(), heat.ravel())
        assert overlap.pixel_average_precision(heat, mask) == pytest.approx(expected, abs=1e-12)
    assert overlap.pixel_average_precision(smooth, np.zeros_like(mask)) == 0
    assert overlap.pixel_average_precision(smooth, np.ones_like(mask)) == 1


def test_average_precision_needs_no_threshold():
    """Against the sum over a hand-made ranking: the hottest pixel misses, the next two hit."""
    heat = np.zeros((1, 2, 2), np.float32)
    heat[0] = [[4, 3], [2, 1]]
    mask = np.array([[[False, True], [True, False]]])
    found, _ = score(patches(mask, [2]), [2], heat)
    expected = (1 / 2 + 2 / 3) / 2
    figures = found["samples"]["correct"]["lesions"]
    assert figures["pixel_average_precision"] == pytest.approx(expected)
    ones = found["baseline_figures"]["all_ones"]["lesions"]
    assert ones["pixel_average_precision"] == pytest.approx(0.5)
    assert found["samples"]["all_true_class"] is None
    assert found["ll_score_ci95"] is None


def test_a_maximum_that_several_pixels_share_points_at_all_of_them():
    """A constant map scores the mask's share of the area, not that of a corner."""
    mask = square((0, 3, 0, 4))[0] > 0  # 12 of 64 pixels
    ones = np.ones((8, 8), np.float32)
    assert overlap.pointing_game(ones, mask) == 12 / 64
    assert overlap.pointing_game(0 * ones, mask) == 0
    assert overlap.pointing_game(square((2, 4, 0, 2))[0], mask) == 1 / 2
    found, _ = score(patches(mask[None], [1]), [1], np.ones((1, 4, 4)))
    assert found["pointing_game"] == 12 / 64
    figures = found["baseline_figures"]["all_ones"]["lesions"]
    assert figures["pointing_game"] == 12 / 64


@pytest.mark.parametrize(
    ("coarse", "expected"),
    [
        # A corner cell spreads over the quarter of it that no neighbour reaches: 2 x 2 of 8 x 8.
        ([[3, 1], [1, 1]], 4 / 4),
        ([[1, 1], [1, 3]], 0),
        # Two cells side by side: 2 rows of 8, of which 4 pixels a row lie in the mask.
        ([[3, 3], [1, 1]], 8 / 16),
        # Two rows of three, from the middle of the upper one on: below the mask.
        ([[1, 1, 1], [7, 7, 7], [7, 7, 7]], 0),
    ],
)
def test_an_enlarged_plateau_points_at_its_pixels(coarse, expected):
    """By bilinear weights, of which a plateau's need not add up to one to the last bit."""
    maps = np.float32([coarse]) / 7
    mask = square((0, 3, 0, 4)) > 0
    found, _ = score(patches(mask, [1]), [1], maps)
    assert found["pointing_game"] == expected


@pytest.mark.parametrize(
    ("better_by", "verdict"), [(0.2, "better"), (-0.2, "worse"), (0.0, "within noise")]
)
def test_the_run_s_maps_are_held_against_blind_ones_sample_by_sample(better_by, verdict):
    """Masks of very different sizes: intervals of the two means overlap, those of the pairs not."""
    rng = np.random.default_rng(3)
    rows = rng.integers(4, 30, 60)
    masks = np.zeros((60, 32, 32), bool)
    maps = np.zeros((60, 32, 32), np.float32)
    for mask, heat, count in zip(masks, maps, rows, strict=True):
        mask[:count] = True
        gain = better_by + rng.normal(0, 0.02)  # in IoU, above that of a map of all ones
        target = np.clip(count / 32 + gain, 0.01, 1)
        hit = mask.ravel().cumsum() <= target * mask.sum()
        heat.ravel()[hit & mask.ravel()] = 1
    patients = np.repeat(np.arange(30), 2)
    test = patches(masks, np.full(60, 2), patients)
    found, iou = score(test, np.full(60, 2), maps)
    of = found["against_baselines"]["all_ones"]
    blind = masks.mean((1, 2))
    assert of["verdict"] == verdict
    assert of["difference"] == pytest.approx((iou - blind).mean())
    assert of["difference"] == pytest.approx(found["ll_score"] - found["baselines"]["all_ones"])
    pairs = (iou - blind).reshape(30, 2).mean(1)  # of each patient
    peer = scipy_bootstrap((pairs,), np.mean, method="percentile", rng=1).confidence_interval
    np.testing.assert_allclose(of["ci95"], peer, atol=0.003)
    for key in ("ll_score", "pointing_game", "energy_in_mask", "pixel_ap"):
        low, high = found[f"{key}_ci95"]
        assert low <= found[key] <= high, key
    pointing = of["pointing_game"]
    assert pointing["difference"] == pytest.approx(found["pointing_game"] - blind.mean())
    low, high = found["ll_score_ci95"]
    assert high - low > 3 * (of["ci95"][1] - of["ci95"][0])


def test_baselines_that_know_the_data():
    """The mean of the train masks, and the patch itself as coarse as the grid."""
    train = patches(square((0, 4, 0, 4), (0, 4, 2, 6), (0, 0, 0, 0)), [1, 2, 0])
    mean_mask = baselines.mean_mask(train)
    expected = np.zeros((8, 8))
    expected[:4, :2] = expected[:4, 4:6] = 0.5
    expected[:4, 2:4] = 1
    np.testing.assert_array_equal(mean_mask, expected)
    images = np.zeros((2, 8, 8), np.uint8)
    images[0, 6, 6] = images[1, 1, 3] = 255
    masks = square((0, 4, 2, 4), (0, 4, 0, 4))
    test = patches(masks, [1, 2], ["a", "b"], images)
    found, _ = score(test, [1, 2], masks, prior=localization.Prior(mean_mask))
    # The maps are the masks, of two patients: all hit, which is not sure of others.
    for key in ("ll_score", "pointing_game"):
        assert found[key] == 1
        assert found[f"{key}_ci95"] == pytest.approx([0.025 ** (1 / 2), 1])
    # At half its maximum the mean mask has 4 x 6 pixels, of which the masks are 8 and 16.
    assert found["baselines"]["mean_training_mask"] == pytest.approx((8 / 24 + 16 / 24) / 2)
    figures = found["baseline_figures"]["mean_training_mask"]["lesions"]
    assert figures["pointing_game"] == 1
    # Brightest far from the first mask, and within the second.
    assert found["baseline_figures"]["blurred_brightness"]["lesions"]["pointing_game"] == 0.5
    gain = found["against_baselines"]["blurred_brightness"]["pointing_game"]
    assert gain["difference"] == 0.5
    assert gain["ci95"] == [0, 1]
    assert gain["verdict"] == "within noise"


def test_the_blurred_brightness_is_as_coarse_as_a_map():
    """A point becomes a bell whose deviation is that of the point on the grid, enlarged: on
    average over the places that it can have in a cell."""
    side, grid = 64, 8
    deviations = []
    for middle in range(28, 36):
        images = np.zeros((1, side, side), np.uint8)
        images[0, 32, middle] = 255
        test = patches(images > 0, [1], images=images)
        maps = baselines.of(test, np.array([0]), grid, 0)
        bell, coarse = (next(maps[name]) for name in ("blurred_brightness", "grid_ceiling"))
        offset = np.arange(side) - middle
        deviations.append([np.average(offset**2, weights=m.sum(0)) for m in (bell, coarse)])
    ours, enlarged = np.sqrt(np.mean(deviations, 0))
    assert ours == pytest.approx(side / grid / 2, rel=0.02)
    assert ours == pytest.approx(enlarged, rel=0.02)


def test_the_threshold_is_chosen_on_the_validation_split():
    """Two maps with a core of 1 and a rim of 0.52: the masks of the validation lesions have both,
    that of the test lesion the core alone. A wrong answer and background do not count."""
    heat = square((0, 4, 0, 4), value=0.52) + square((0, 2, 0, 4), value=0.48)
    validation = patches(
        square((0, 4, 0, 4), (0, 4, 0, 4), (0, 2, 0, 4), (0, 0, 0, 0)), [1, 2, 3, 0]
    )
    maps = np.repeat(heat, 4, 0)
    chosen = localization.best_threshold(validation, [1, 2, 4, 0], maps)
    assert chosen == 0.05  # the lowest of those that are as good
    assert localization.best_threshold(validation, [0, 0, 3, 0], maps) == 0.55
    assert localization.best_threshold(validation, [0, 0, 0, 0], maps) is None
    test = patches(square((0, 2, 0, 4), (0, 4, 0, 4)), [1, 1], ["a", "b"])
    for threshold, reached in ((0.05, (0.5, 1)), (0.55, (1, 0.5))):
        prior = localization.Prior(threshold=threshold)
        found, _ = score(test, [1, 1], maps[:2], prior=prior)
        assert found["threshold_from_validation"] == threshold
        assert found["ll_score_from_validation"] == np.mean(reached)
        assert found["ll_score_from_validation_ci95"] == sorted(reached)
        alone, _ = score(test, [1, 0], maps[:2], prior=prior)
        assert alone["ll_score_from_validation"] == reached[0]


def test_nothing_scored_is_null():
    test = patches(np.ones((2, 8, 8)), [1, 0], ["a", "b"])
    found, iou = score(test, [2, 0], np.ones((2, 4, 4)))
    assert found["n_scored"] == 0
    figures = ("ll_score", "otsu", "pointing_game", "energy_in_mask", "pixel_ap")
    for key in (*figures, "accuracy_x_ll", "ll_score_from_validation", "pixel_ap_ci95"):
        assert found[key] is None, key
    assert set(found["baselines"].values()) == set(found["by_threshold"].values()) == {None}
    unknown = {"difference": None, "ci95": None, "verdict": None}
    names = ("all_ones", "centred_gaussian", "blurred_brightness")
    assert found["against_baselines"] == dict.fromkeys(names, unknown | {"pointing_game": unknown})
    assert iou[0] == 1
    assert np.isnan(iou[1])
    json.dumps(found, allow_nan=False)


def test_a_map_that_is_not_finite_is_refused():
    with pytest.raises(UserError, match="map of patch_0 is not finite"):
        score(patches(np.ones((1, 8, 8)), [1]), [1], np.full((1, 4, 4), np.nan))


def figures_of(found) -> list:
    """Every figure in a `localization` object."""
    if isinstance(found, dict):
        return [each for value in found.values() for each in figures_of(value)]
    return [found]


def test_lesions_with_an_empty_mask_are_left_out():
    """Each figure is that of the test set without them; what is counted besides is accuracy."""
    rng = np.random.default_rng(0)
    labels = np.tile(np.arange(5), 6)
    masks = np.zeros((30, 8, 8), bool)
    masks[labels > 0, 2:6, 1:5] = True
    masks[[1, 7, 13]] = False
    images, maps = rng.integers(0, 256, (30, 8, 8), np.uint8), rng.random((30, 4, 4))
    predicted = np.where(np.arange(30) % 4, labels, 0)
    test = patches(masks, labels, np.arange(30), images)
    found, iou = score(test, predicted, maps, maps)
    kept = np.setdiff1d(np.arange(30), [1, 7, 13])
    one = patches(masks[kept], labels[kept], np.arange(30)[kept], images[kept])
    alone, of_kept = score(one, predicted[kept], maps[kept], maps[kept])
    np.testing.assert_array_equal(iou[kept], of_kept)
    assert np.isnan(iou[[1, 7, 13]]).all()
    assert (found["n_without_mask"], alone["n_without_mask"]) == (3, 0)
    for name in ("n_scored", "ll_score", "ll_score_background_as_zero", "pointing_game", "otsu",
                 "samples", "per_class", "baselines", "by_threshold"):  # fmt: skip
        assert found[name] == alone[name]
    np.testing.assert_array_equal(localization.iou(test, maps, 0.5), iou)
    chosen = localization.best_threshold(test, predicted, maps)
    assert chosen == localization.best_threshold(one, predicted[kept], maps[kept])
    np.testing.assert_array_equal(baselines.mean_mask(test), baselines.mean_mask(one))


def test_without_any_mask_there_are_no_figures():
    labels = np.tile(np.arange(5), 4)
    test = patches(np.zeros((20, 8, 8)), labels, np.arange(20))
    assert baselines.mean_mask(test) is None
    assert localization.best_threshold(test, labels, np.ones((20, 4, 4))) is None
    found, iou = score(test, labels, np.ones((20, 4, 4)), np.ones((20, 4, 4)))
    assert np.isnan(iou).all()
    assert found.pop("n_without_mask") == 16
    assert (found.pop("threshold"), found.pop("grid")) == (0.5, 4)
    assert set(figures_of(found)) == {0, None}  # 0: how many lesions a figure is of
    assert found["n_scored"] == 0
    assert found["ll_score_background_as_zero"] is None
