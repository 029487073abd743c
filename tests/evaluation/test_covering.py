"""What covering a lesion changes, and what it does not."""

import json
from functools import partial

import cv2
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from jaxcbis.data.patches import Patches
from jaxcbis.evaluation import bootstrap, covering
from jaxcbis.evaluation.covering import Covered, cover
from jaxcbis.evaluation.inpainting import grown

SIDE = 32
COUNT = 24


def patches(dtype=np.uint8, count=COUNT) -> Patches:
    """Grainy tissue, with a bright disc at a random place in two thirds of them."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 3
    images = np.full((count, SIDE, SIDE), 80.0)
    masks = np.zeros((count, SIDE, SIDE), np.uint8)
    for image, mask, label in zip(images, masks, labels, strict=True):
        image += rng.normal(0, 5, image.shape)
        if label:
            cv2.circle(mask, rng.integers(6, SIDE - 6, 2).tolist(), 4, 1, cv2.FILLED)
            image += 60 * mask
    images = np.rint(images * (np.iinfo(dtype).max / 255)).astype(dtype)
    ids = np.array([f"patch_{k}" for k in range(count)])
    patients = np.array([f"P{k // 2}" for k in range(count)])
    return Patches(images, masks > 0, labels, ids, patients, np.zeros((count, 2), np.int32))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_lesion_is_covered_and_as_much_elsewhere(dtype):
    test = patches(dtype)
    found = cover(test, 0)
    assert found.items.tolist() == np.flatnonzero(test.labels).tolist()
    assert found.covered.dtype == found.elsewhere.dtype == dtype
    unit = np.iinfo(dtype).max / 255
    for k, i in enumerate(found.items):
        image, lesion = test.images[i], grown(test.masks[i], covering.RIM)
        changed, beside = (images[k] != image for images in (found.covered, found.elsewhere))
        assert not (changed & ~lesion).any()
        assert np.abs(found.covered[k][lesion] / unit - 80).mean() < 10
        assert not (beside & grown(lesion, 1)).any()
        # The same shape, of which a few pixels got the value that they had.
        assert (
            cv2.boundingRect(beside.astype(np.uint8))[2:]
            == cv2.boundingRect(lesion.astype(np.uint8))[2:]
        )
        assert 0.8 < beside.sum() / lesion.sum() <= 1


def test_a_control_takes_nothing_from_the_lesion():
    """Beside a lesion of noise in flat tissue it stays flat."""
    test = patches(count=60)
    noise = np.random.default_rng(1).integers(0, 256, test.images.shape, np.uint8)
    test.images[:] = np.where(test.masks, noise, 80)
    found = cover(test, 0)
    lesions = test.masks[found.items]
    assert len(lesions) == 40
    assert (found.elsewhere[~lesions] == 80).all()
    np.testing.assert_array_equal(found.elsewhere[lesions], noise[found.items][lesions])


def test_the_same_pixels_whatever_stands_beside():
    test = patches()
    one, again = cover(test, 3), cover(test, 3)
    few = cover(test.select(np.array([5, 4])), 3)
    assert few.items.tolist() == [0, 1]
    for name in ("covered", "elsewhere"):
        images, position = getattr(one, name), {i: k for k, i in enumerate(one.items)}
        np.testing.assert_array_equal(images, getattr(again, name))
        expected = images[[position[5], position[4]]]
        np.testing.assert_array_equal(getattr(few, name), expected)
        assert (getattr(cover(test, 4), name) != images).any()


def test_a_lesion_without_room_beside_it_is_left_out():
    """Half the patch and its rim has none; nor has a lesion without a pixel."""
    test = patches(count=6)
    test.masks[1], test.masks[2], test.masks[4] = False, False, False
    test.masks[1][:, : SIDE // 2] = True
    test.masks[2][:, : SIDE // 2 - 4] = True
    found = cover(test, 0)
    assert found.items.tolist() == [2, 5]
    nothing = cover(test.select(test.labels == 0), 0)
    assert nothing.covered.shape == nothing.elsewhere.shape == (0, SIDE, SIDE)


def asked(test: Patches, model) -> dict:
    """`score` of a model that is a function from images to p(lesion)."""

    def told(images):
        lesion = np.array([model(image.astype(float)) for image in images]).reshape(-1, 1)
        return np.concatenate([1 - lesion, np.repeat(lesion / 4, 4, 1)], 1)

    found = cover(test, 0)
    answers = covering.Answers(found, told(found.covered), told(found.elsewhere))
    return covering.score(test, told(test.images), answers)


def test_a_model_that_sees_the_lesion_loses_it_when_it_is_covered():
    found = asked(patches(), lambda image: cv2.blur(image, (5, 5)).max() / 255)
    assert (found["n"], found["n_background"]) == (16, 8)
    assert found["lesion_auc_intact"] == found["lesion_auc_elsewhere"] == 1
    assert found["lesion_auc_covered"] < 0.75
    change = found["covered_less_intact"]
    assert change["difference"] == found["lesion_auc_covered"] - 1
    assert change["ci95"][1] < 0
    assert found["elsewhere_less_intact"] == {"difference": 0, "ci95": [0, 0]}


def test_a_model_that_sees_the_rest_keeps_it():
    """By a sign in the corner, which no lesion and no control reaches."""
    test = patches()
    test.images[:, 0, 0] = np.where(test.labels > 0, 200, 20)
    found = asked(test, lambda image: image[0, 0] / 255)
    for name in ("intact", "covered", "elsewhere"):
        assert found[f"lesion_auc_{name}"] == 1


def test_figures_against_scikit_learn_and_samples_written_out(monkeypatch):
    monkeypatch.setattr(bootstrap, "draw", partial(bootstrap.draw, draws=60))
    rng = np.random.default_rng(5)
    test = patches()
    items = np.array([1, 4, 5, 8, 10])
    nothing = np.zeros((5, SIDE, SIDE), np.uint8)
    intact, covered, elsewhere = (rng.dirichlet(np.ones(5), n) for n in (COUNT, 5, 5))
    answers = covering.Answers(Covered(items, nothing, nothing), covered, elsewhere)
    found = covering.score(test, intact, answers)
    background = np.flatnonzero(test.labels == 0)
    chosen, true = np.r_[items, background], np.r_[np.ones(5), np.zeros(len(background))]
    scores = {
        name: 1 - np.r_[of[:, 0], intact[background, 0]]
        for name, of in (("intact", intact[items]), ("covered", covered), ("elsewhere", elsewhere))
    }
    samples = {name: [] for name in scores}
    for times in bootstrap.draw(test.patients)[:, chosen].astype(int):
        drawn = np.repeat(np.arange(len(chosen)), times)
        both = len(set(true[drawn])) == 2
        for name, of in scores.items():
            samples[name].append(roc_auc_score(true[drawn], of[drawn]) if both else np.nan)
    for name, of in scores.items():
        assert found[f"lesion_auc_{name}"] == pytest.approx(roc_auc_score(true, of))
        expected = np.nanquantile(samples[name], (0.025, 0.975))
        np.testing.assert_allclose(found[f"lesion_auc_{name}_ci95"], expected)
    for one, two in (("covered", "intact"), ("elsewhere", "intact"), ("covered", "elsewhere")):
        less = found[f"{one}_less_{two}"]
        difference = found[f"lesion_auc_{one}"] - found[f"lesion_auc_{two}"]
        assert less["difference"] == pytest.approx(difference)
        expected = np.nanquantile(np.subtract(samples[one], samples[two]), (0.025, 0.975))
        np.testing.assert_allclose(less["ci95"], expected, atol=1e-12)


def test_without_lesions_or_patients_to_resample_figures_are_null():
    test = patches()
    nothing = asked(test.select(test.labels == 0), lambda image: 0.5)
    assert nothing["n"] == 0
    assert nothing["lesion_auc_intact"] is nothing["lesion_auc_covered_ci95"] is None
    assert nothing["covered_less_intact"] == {"difference": None, "ci95": None}
    json.dumps(nothing, allow_nan=False)
    test.patients[:] = "one"
    alone = asked(test, lambda image: image.max() / 255)
    assert alone["lesion_auc_intact"] == 1
    assert alone["covered_less_intact"]["ci95"] is None
