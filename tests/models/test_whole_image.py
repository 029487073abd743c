"""A whole-image classifier: the patch network's weights, its heatmap, the top, its input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcbis.data.normalization import Statistics, normalize
from jaxcbis.errors import UserError
from jaxcbis.models import backbones, whole_image
from jaxcbis.models.inference import forward
from jaxcbis.models.model import HEAD, merge
from tests import tiny
from tests.differences import assert_within

STATISTICS = Statistics(0.31, 0.17, np.zeros(5, np.float32), np.ones(5, np.float32))
HEADS = {"tiny": None, "tiny_vgg": "pool"}


def patch_model(name: str, head: str | None = None):
    return backbones.load(name, weights="random", seed=1, head=head).model


def images(count=2, height=48, width=32, dtype=np.uint8) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, np.iinfo(dtype).max, (count, height, width, 1), dtype, endpoint=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_input_normalises_as_the_patches_were(dtype):
    model = whole_image.build(patch_model("tiny"), STATISTICS)
    given = images(dtype=dtype)
    expected = np.repeat(normalize(given[..., 0], STATISTICS), 3, axis=-1)
    found = forward(model, given, ("input",))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_images_of_floats_are_refused():
    model = whole_image.build(patch_model("tiny"), STATISTICS)
    with pytest.raises(ValueError, match="float32: expected uint8 or uint16"):
        forward(model, np.zeros((1, 32, 32, 1), np.float32), ("input",))


@pytest.mark.parametrize("name", tiny.NAMES)
def test_the_patch_networks_stages_say_of_a_whole_image_what_they_say_of_a_patch(name):
    patch = patch_model(name)
    model = whole_image.build(patch, STATISTICS)
    given = images(height=tiny.SIZE, width=tiny.SIZE)
    expected = forward(patch, normalize(given[..., 0], STATISTICS), patch.stages)
    found = forward(model, given, ("input", *patch.stages))
    row = "features of a whole image's network, relative to their deviation | the patch network's"
    assert_within(1e-5, found, expected, row, scale=np.std(expected))


@pytest.mark.parametrize(("name", "head"), HEADS.items())
def test_the_heatmaps_mean_over_a_patch_is_what_the_patch_network_says_of_it(name, head):
    patch = patch_model(name, head)
    model = whole_image.build(patch, STATISTICS, top_input="heatmap")
    given = images(height=tiny.SIZE, width=tiny.SIZE)
    features = forward(model, given, ("input", *patch.stages))
    logits = merge(model)["heatmap"].logits(features)
    expected = forward(patch, normalize(given[..., 0], STATISTICS), (*patch.stages, HEAD))
    row = "the heatmap's mean over a patch, relative to its deviation | the patch network's logits"
    assert_within(1e-5, logits.mean((1, 2)), expected, row, scale=np.std(expected))
    shares = forward(model, features, ("heatmap",))
    np.testing.assert_allclose(shares, jax.nn.softmax(logits), rtol=1e-5)


def test_a_head_that_flattens_has_no_heatmap():
    with pytest.raises(UserError, match="choose --top-input features, or a run with --head pool"):
        whole_image.build(patch_model("tiny_vgg"), STATISTICS, top_input="heatmap")


@pytest.mark.parametrize("top", ["residual", "vgg"])
@pytest.mark.parametrize("blocks", [1, 2])
@pytest.mark.parametrize("top_input", ["features", "heatmap"])
def test_each_block_of_the_top_halves_the_resolution(top, blocks, top_input):
    model = whole_image.build(
        patch_model("tiny"), STATISTICS, top=top, blocks=blocks, top_input=top_input
    )
    added = ("heatmap", "top") if top_input == "heatmap" else ("top",)
    assert model.stages == ("input", "stem", "layer1", "layer2", *added)
    assert model.frozen == ("input", "stem", "layer1")
    given = jax.ShapeDtypeStruct((3, 128, 64, 1), jnp.uint16)
    shape = jax.eval_shape(lambda x: forward(model, x, model.stages), given).shape
    width = 128 if top == "residual" else 32
    assert shape == (3, 128 // 8 // 2**blocks, 64 // 8 // 2**blocks, width)
    logits = jax.eval_shape(lambda x: forward(model, x, (*model.stages, HEAD)), given)
    assert (logits.shape, logits.dtype) == ((3, 1), jnp.float32)


@pytest.mark.parametrize(("name", "top", "width"), [("resnet50", "residual", 2048),
                                                    ("resnet34", "residual", 2048),
                                                    ("vgg16", "vgg", 512)])  # fmt: skip
def test_the_tops_of_the_study_are_as_wide_as_the_literatures(name, top, width):
    options = {"patch": {}, "classes": 5, "top": top, "blocks": 2, "top_input": "features"}
    model = whole_image.blank(name, options)
    given = jax.ShapeDtypeStruct((2, 1152, 896, 1), jnp.uint8)
    shape = jax.eval_shape(lambda x: forward(model, x, model.stages), given).shape
    cell = 64 if name.startswith("vgg") else 128
    assert shape == (2, 1152 // cell, 896 // cell, width)


def test_the_seed_draws_the_top_and_nothing_else():
    patch = patch_model("tiny")
    one, same, other = (whole_image.build(patch, STATISTICS, seed=seed) for seed in (0, 0, 1))
    assert one.architecture is other.architecture
    given = images()
    features, logits = ("input", *patch.stages), (*one.stages, HEAD)
    assert np.array_equal(forward(one, given, features), forward(other, given, features))
    assert np.array_equal(forward(one, given, logits), forward(same, given, logits))
    assert not np.array_equal(forward(one, given, logits), forward(other, given, logits))


def test_members_that_normalise_differently_are_one_program():
    patch = patch_model("tiny")
    darker = STATISTICS._replace(mean=0.6)
    one, other = (whole_image.build(patch, of) for of in (STATISTICS, darker))
    given = images()
    forward(one, given, ("input",))
    before = forward._cache_size()
    difference = forward(one, given, ("input",)) - forward(other, given, ("input",))
    assert forward._cache_size() == before
    np.testing.assert_allclose(difference, 0.29 / 0.17, rtol=1e-5)


@pytest.mark.parametrize("top_input", ["features", "heatmap"])
def test_a_blank_one_has_the_arrays_of_one_that_was_built(top_input):
    model = whole_image.build(patch_model("tiny"), STATISTICS, top_input=top_input)
    blank = whole_image.blank("tiny", model.architecture.options)
    assert blank.architecture is model.architecture
    for ours, theirs in ((blank.params, model.params), (blank.stats, model.stats)):
        assert jax.tree.map(np.shape, ours) == jax.tree.map(np.shape, theirs)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(blank))


def test_weights_of_other_frameworks_keep_what_they_ask_for():
    """Options come back from JSON, where a tuple is a list."""
    options = {"patch": {"shift": [0.1, 0.2, 0.3]}, "classes": 5,
               "top": "vgg", "blocks": 1, "top_input": "features"}  # fmt: skip
    model = whole_image.blank("tiny", options)
    assert model.architecture.options["patch"]["shift"] == (0.1, 0.2, 0.3)
    assert merge(model)["stem"].shift == (0.1, 0.2, 0.3)
