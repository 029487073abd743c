"""Grad-CAM of a whole-image classifier's one logit, at any of its stages."""

import jax
import numpy as np
import pytest

from jaxcbis.evaluation import activation_maps, cam
from jaxcbis.models.inference import forward
from jaxcbis.models.model import HEAD
from tests.training.whole import classifier, views


@pytest.fixture(scope="module")
def model():
    return classifier()


@pytest.mark.parametrize(("stage", "grid"), [("layer2", (5, 3)), ("layer1", (10, 6))])
def test_the_map_is_grad_cam_of_the_logit(model, stage, grid):
    images = views(3, 0).inputs
    maps, logits, _ = activation_maps.maps(model, images, stage=stage)
    whole = (*model.stages, HEAD)
    np.testing.assert_allclose(logits, forward(model, images, whole), rtol=1e-5)
    assert maps.shape == (3, *grid)
    at = whole.index(stage) + 1
    features = forward(model, images, whole[:at])
    slope = jax.grad(lambda x: forward(model, x, whole[at:]).sum())(features)
    weights = np.asarray(slope).mean((1, 2))
    expected = np.maximum(np.einsum("nhwc,nc->nhw", features, weights), 0)
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-5 * expected.max())
    assert maps.any()


def test_large_images_are_mapped_a_few_at_a_time(model, monkeypatch):
    images = views(5, 0).inputs
    expected = activation_maps.maps(model, images, stage="layer2")
    monkeypatch.setattr("jaxcbis.models.inference.PIXELS", 40 * 24 // 16)  # two per call
    seen = []

    def track(parts, description):
        seen.extend(part.stop - part.start for part in parts)
        return parts

    found = activation_maps.maps(model, images, track, stage="layer2")
    assert seen == [2, 2, 2]
    for ours, theirs in zip(found[:2], expected[:2], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_maps_are_enlarged_to_a_height_and_a_width():
    maps = np.random.default_rng(0).random((2, 5, 3)).astype(np.float32)
    assert cam.enlarge(maps, (40, 24)).shape == (2, 40, 24)
    assert cam.enlarge(maps, (5, 3)) is maps
    square = maps[:, :3]
    assert np.array_equal(cam.enlarge(square, 6), cam.enlarge(square, (6, 6)))
