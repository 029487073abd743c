"""Cascading randomisation against a model that is random from the start."""

import jax
import numpy as np
import pytest
from scipy.stats import spearmanr

import tests.tiny  # noqa: F401 - registers its backbones
from jaxcbis.audit import randomization
from jaxcbis.evaluation import activation_maps, cam
from jaxcbis.models import backbones
from tests.differences import assert_within

NAME = "tiny"


@pytest.fixture(scope="module")
def trained():
    return backbones.load(NAME, weights="random", seed=3).model


def test_a_fresh_stage_leaves_the_others_alone(trained):
    fresh = randomization.fresh(trained, "layer2")
    assert set(fresh.params) == {"layer2"}
    changed = jax.tree.map(
        lambda a, b: bool((a != b).any()), fresh.params, {"layer2": trained.params["layer2"]}
    )
    kernels = [
        flag for path, flag in jax.tree_util.tree_leaves_with_path(changed) if "kernel" in str(path)
    ]
    assert kernels
    assert all(kernels)


def test_the_end_of_the_cascade_is_a_model_that_was_never_trained(trained):
    images = np.random.default_rng(0).normal(size=(3, 32, 32, 1)).astype(np.float32)
    before = activation_maps.maps(trained, images)
    similarity = randomization.cascade(trained, images, before)
    assert list(similarity) == ["head", "layer2", "layer1", "stem"]

    random = backbones.load(NAME, weights="random", seed=randomization.SEED).model
    after = activation_maps.maps(random, images, labels=before.logits.argmax(1)).of_labels
    pairs = zip(cam.enlarge(before.maps, 32), cam.enlarge(after, 32), strict=True)
    expected = [
        spearmanr(a.ravel(), b.ravel()).statistic
        if np.ptp(a) > 1e-5 and np.ptp(b) > 1e-5
        else np.nan
        for a, b in pairs
    ]
    known = ~np.isnan(expected)
    assert known.any()
    np.testing.assert_array_equal(np.isnan(similarity["stem"]), ~known)
    got = np.array(similarity["stem"])[known]
    assert_within(1e-5, got, np.array(expected)[known], "rank correlation of maps | SciPy")
    assert not np.allclose(similarity["stem"], 1, atol=0.05)
