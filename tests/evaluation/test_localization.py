"""Localisation figures: by hand, and against a plain loop written apart from the code."""

import json

import cv2
import numpy as np
import pytest

from jaxcbis.errors import UserError
from jaxcbis.evaluation.localization import score
from jaxcbis.labels import LABELS


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
    masks = (
        square((0, 4, 0, 4), (0, 4, 2, 6), (0, 2, 0, 4), (0, 4, 0, 4), (0, 0, 0, 0), (0, 0, 0, 0))
        > 0
    )
    found, iou = score(maps, masks, [1, 2, 3, 2, 0, 0], [1, 2, 4, 2, 0, 1], grid=4)
    np.testing.assert_allclose(iou, [1, 8 / 24, 8 / 16, 0, np.nan, np.nan])
    ll = (1 + 1 / 3 + 0) / 3
    assert found["n_scored"] == 3
    assert found["ll_score"] == pytest.approx(ll)
    assert found["ll_score_background_as_zero"] == pytest.approx(ll * 3 / 4)
    assert found["accuracy_x_ll"] == pytest.approx(4 / 6 * ll)
    assert found["zero_maps"] == 1
    assert found["pointing_game"] == pytest.approx(1 / 3)  # the second map's first maximum is left
    assert found["energy_in_mask"] == pytest.approx((1 + 0.5 + 0) / 3)
    assert found["otsu"] == pytest.approx(ll)
    assert found["baselines"]["all_ones"] == pytest.approx(0.25)
    assert found["baselines"]["grid_ceiling"] > 0.7
    assert found["per_class"]["BENIGN_Mass"] == {"n": 2, "ll_score": pytest.approx(1 / 6)}
    assert found["per_class"]["MALIGNANT_Calc"] == {"n": 0, "ll_score": None}
    assert list(found["per_class"]) == list(LABELS)


def test_threshold_is_a_share_of_each_maps_own_maximum():
    faint = square((0, 4, 0, 4), value=0.01)
    faint[0, 0, :2] = 0.004
    found, iou = score(faint, square((0, 4, 0, 4)) > 0, [1], [1], grid=4, threshold=0.5)
    assert iou[0] == 14 / 16
    assert found["by_threshold"]["0.40"] == 1
    assert found["by_threshold"]["0.45"] == 14 / 16
    at_its_maximum = score(square((0, 4, 0, 4)), square((0, 4, 0, 4)) > 0, [1], [1], grid=4,
                           threshold=1.0)  # fmt: skip
    assert at_its_maximum[0]["ll_score"] == 1


def test_centred_gaussian_is_an_ellipse_in_the_middle():
    """At half its maximum a Gaussian of deviation S/4 is a disc of radius S/4 sqrt(2 ln 2)."""
    side = 200
    y, x = np.indices((side, side)) - (side - 1) / 2
    disc = np.hypot(y, x) <= side / 4 * np.sqrt(2 * np.log(2))
    found, _ = score(np.ones((1, side, side)), disc[None], [1], [1], grid=7)
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
        hits.append(mask[np.unravel_index(np.argmax(heat), heat.shape)])
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
    maps = np.stack([cv2.resize(each, (side, side)) for each in coarse])
    masks = np.stack([cv2.resize(rng.random((4, 4)), (side, side)) > 0.6 for _ in range(n)])
    masks[:, 20:30, 20:30] = True
    labels = rng.integers(0, 5, n)
    predicted = np.where(rng.random(n) < 0.6, labels, rng.integers(0, 5, n))
    found, _ = score(maps, masks, labels, predicted, threshold=threshold, grid=grid)
    expected = independent(maps, masks, labels, predicted, threshold, grid)
    found |= found["baselines"]
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, abs=1e-6), key


def test_random_baseline_depends_on_the_seed_alone():
    masks = square(*[(2, 6, 2, 6)] * 5) > 0
    args = (np.ones((5, 8, 8)), masks, np.ones(5, int), np.ones(5, int))
    first, again, other = (score(*args, grid=4, seed=s)[0]["baselines"] for s in (0, 0, 1))
    assert first == again
    assert first["random"] != other["random"]


def test_other_choices_of_samples_and_maps():
    """Masses and calcifications apart; a lesion taken for another counts among all of them."""
    maps = square((0, 4, 0, 4), (0, 4, 0, 4), (0, 4, 0, 4), (0, 4, 0, 4))
    masks = square((0, 4, 0, 4), (0, 4, 2, 6), (4, 8, 4, 8), (0, 0, 0, 0)) > 0
    true_maps = maps.copy()
    true_maps[2] = masks[2]
    found, _ = score(
        maps, masks, [2, 1, 4, 0], [2, 1, 3, 0], grid=4, true_maps=true_maps,
        patients=["a", "b", "c", "d"],
    )  # fmt: skip
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


def test_average_precision_needs_no_threshold():
    """Against the sum over a hand-made ranking: the hottest pixel misses, the next two hit."""
    heat = np.zeros((1, 2, 2), np.float32)
    heat[0] = [[4, 3], [2, 1]]
    mask = np.array([[[False, True], [True, False]]])
    found, _ = score(heat, mask, [2], [2], grid=2)
    expected = (1 / 2 + 2 / 3) / 2
    figures = found["samples"]["correct"]["lesions"]
    assert figures["pixel_average_precision"] == pytest.approx(expected)
    ones = found["baseline_figures"]["all_ones"]["lesions"]
    assert ones["pixel_average_precision"] == pytest.approx(0.5)
    assert found["samples"]["all_true_class"] is None
    assert found["ll_score_ci95"] is None


def test_nothing_scored_is_null():
    found, iou = score(np.ones((2, 8, 8)), np.ones((2, 8, 8), bool), [1, 0], [2, 0], grid=4)
    assert found["n_scored"] == 0
    for key in ("ll_score", "accuracy_x_ll", "otsu", "pointing_game", "energy_in_mask"):
        assert found[key] is None
    assert set(found["baselines"].values()) == set(found["by_threshold"].values()) == {None}
    assert iou[0] == 1
    assert np.isnan(iou[1])
    json.dumps(found, allow_nan=False)


def test_a_map_that_is_not_finite_is_refused():
    with pytest.raises(UserError, match="map of test item 0 is not finite"):
        score(np.full((1, 8, 8), np.nan), np.ones((1, 8, 8), bool), [1], [1], grid=4)
