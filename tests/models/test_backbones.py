"""Names, stages, fresh parameters, and running a backbone under jit and grad."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcbis.errors import UserError
from jaxcbis.models import backbones
from jaxcbis.models.model import HEAD, merge, run, split
from tests import tiny

IMAGES = np.random.default_rng(0).normal(size=(4, tiny.SIZE, tiny.SIZE, 3)).astype(np.float32)


def convolutions(backbone, stages) -> int:
    """Convolutions with a kernel, without the shortcuts' projections."""
    leaves = jax.tree_util.tree_leaves_with_path({s: backbone.params[s] for s in stages})
    paths = [jax.tree_util.keystr(path) for path, _ in leaves]
    return sum("conv" in p and "kernel" in p and "shortcut" not in p for p in paths)


@pytest.mark.parametrize(
    ("name", "frozen", "total"),
    [("vgg16", 7, 13), ("vgg19", 8, 16), ("resnet34", 15, 33), ("resnet50", 22, 49)],
)
def test_frozen_half(name, frozen, total):
    model = backbones.load(name, weights="random").model
    assert convolutions(model, model.frozen) == frozen
    assert convolutions(model, model.stages) == total


def test_seed_settles_fresh_parameters():
    (first, source, _), (again, *_), (other, *_) = (
        backbones.load("resnet34", weights="random", seed=s) for s in (1, 1, 2)
    )
    assert jax.tree.all(jax.tree.map(np.array_equal, first.params, again.params))
    kernels = [b.params["layer2"]["block0"]["conv1"]["kernel"] for b in (first, other)]
    assert not np.array_equal(*kernels)
    assert source == {"source": "random", "sha256": None, "format": "random"}


def test_fresh_parameters_have_torchs_deviations():
    params = backbones.load("resnet34", weights="random", num_classes=1000).model.params
    kernel = params["layer4"]["block1"]["conv1"]["kernel"]
    assert kernel.std() == pytest.approx((2 / (9 * 512)) ** 0.5, rel=1e-2)
    linear = params["head"]["linear"]
    bound = 512**-0.5
    for array in (linear["kernel"], linear["bias"]):
        assert 0.99 * bound < np.abs(array).max() <= bound
        assert array.std() == pytest.approx(bound / 3**0.5, rel=0.05)


def test_merge_and_split_are_inverse():
    model = backbones.load("resnet34", weights="random", num_classes=7).model
    again = model.replace(*split(merge(model)))
    assert jax.tree.structure(again) == jax.tree.structure(model)
    assert jax.tree.all(jax.tree.map(np.array_equal, again, model))
    assert again.params["head"]["linear"]["kernel"].shape == (512, 7)
    assert set(again.stats) == set(model.stages)


def test_only_stages_in_train_change_their_statistics():
    model = backbones.load("tiny", weights="random").model

    @jax.jit
    def step(model):
        network = merge(model)
        logits, _ = run(network, IMAGES, (*model.stages, HEAD), train=("layer2",))
        return logits, split(network)

    logits, (params, stats) = step(model)
    assert logits.shape == (4, 5)
    assert jax.tree.all(jax.tree.map(np.array_equal, params, model.params))
    for stage, before in model.stats.items():
        unchanged = jax.tree.leaves(jax.tree.map(np.array_equal, stats[stage], before))
        assert not any(unchanged) if stage == "layer2" else all(unchanged)


def test_training_stage_behind_kept_activations_has_the_same_gradient():
    model = backbones.load("tiny_vgg", weights="random").model
    names = (*model.stages, HEAD)

    @partial(jax.jit, static_argnames="stages")
    def gradient(x, stages):
        def loss(block2):
            changed = model.replace(model.params | {"block2": block2}, model.stats)
            return run(merge(changed), x, stages)[0].var()

        return jax.grad(loss)(model.params["block2"])

    kept, outputs = run(merge(model), IMAGES, names[:1])
    assert list(outputs) == ["block1"]
    whole, behind = gradient(IMAGES, names), gradient(kept, names[1:])
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(behind), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * np.abs(a).max())
        assert np.abs(a).max() > 0


@pytest.mark.parametrize("name", tiny.NAMES)
def test_bfloat16_keeps_parameters_and_logits_in_float32(name):
    results = []
    for dtype in (jnp.float32, jnp.bfloat16):
        model = backbones.load(name, weights="random", dtype=dtype).model
        assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(model.params))
        names = (*model.stages, HEAD)
        logits, outputs = jax.jit(lambda m, names=names: run(merge(m), IMAGES, names))(model)
        assert logits.dtype == jnp.float32
        results.append((logits, outputs[names[-2]]))
    assert results[1][1].dtype == jnp.bfloat16
    difference = np.abs(results[0][0] - results[1][0]).max()
    assert 0 < difference < 0.1 * results[0][0].std()


def test_options_are_kept_and_what_earlier_versions_did_not_know_is_the_default():
    plain, *others = (
        backbones.load(name, weights="random", **given).model.architecture
        for name, given in (
            ("tiny", {}), ("tiny", {"output_stride": 16, "head": "pool"}),
            ("tiny_vgg", {"output_stride": 16}), ("tiny_vgg", {"head": "pool"}),
        )
    )  # fmt: skip
    assert plain.options == {"output_stride": 32}
    assert [other.options for other in others] == [
        {"output_stride": 16}, {"head": "flatten"}, {"head": "pool"},
    ]  # fmt: skip
    assert backbones.blank("tiny", {}).architecture is plain
    for other in others:
        assert backbones.blank(other.name, other.options).architecture is other


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("tiny_vgg", {"output_stride": 32}, "output_stride 32: expected 16"),
        ("tiny", {"output_stride": 8}, "output_stride 8: expected 32 or 16"),
        ("tiny", {"head": "flatten"}, "head flatten: expected pool"),
    ],
)
def test_options_that_a_backbone_has_not(name, given, expected):
    with pytest.raises(UserError, match=f"{name} with {expected}"):
        backbones.load(name, weights="random", **given)


def test_unknown_name():
    with pytest.raises(UserError, match="expected one of vgg16, vgg19, resnet34, resnet50"):
        backbones.load("resnet18", weights="random")
