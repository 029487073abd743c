"""The localisation term: what it is, its gradient, and what training does with it."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

from jaxcbis.models import backbones
from jaxcbis.models.inference import forward
from jaxcbis.models.model import HEAD, merge, run
from jaxcbis.training import look, steps
from jaxcbis.training.batches import ABSENT, Batch, Splits
from jaxcbis.training.fit import fit
from tests import tiny
from tests.differences import assert_within
from tests.training.small import recipe


def test_targets_are_shares_of_the_cells():
    masks = np.zeros((3, 6, 6), bool)
    masks[0, :3, :3] = True  # one cell, whole
    masks[1, 1:5, 2:4] = True  # a third of the upper cells: 2 rows x 1 column of 9 pixels
    masks[1, 1, 2] = False
    found = look.targets(masks, 2)
    np.testing.assert_allclose(found[0], [[1, 0], [0, 0]])
    np.testing.assert_allclose(found[1], [[0.5, 1], [1, 1]])
    assert not found[2].any()  # an empty mask


def test_a_size_that_is_no_multiple_of_the_grid():
    mask = np.zeros((1, 5, 5), bool)
    mask[0, :, :2] = True  # 2 of the left cell's 2.5 columns
    np.testing.assert_allclose(look.targets(mask, 2)[0], [[1, 0], [1, 0]])
    mask[0, :, 2] = True
    np.testing.assert_allclose(look.targets(mask, 2)[0], [[1, 0.2], [1, 0.2]], rtol=1e-6)


def _dice_by_hand(features, kernel, label, target):
    """Of one item behind global average pooling: there Grad-CAM is features times weights."""
    heat = np.maximum(features @ kernel[:, label], 0)
    heat = heat / (heat.max() + 1e-3)
    return 1 - 2 * (heat * target).sum() / ((heat**2).sum() + (target**2).sum())


def test_it_is_the_soft_dice_of_the_true_classs_map():
    rng = np.random.default_rng(0)
    features, kernel = rng.normal(size=(5, 3, 3, 4)), rng.normal(size=(4, 5))
    labels, targets = np.array([2, 0, 4, ABSENT, 1]), rng.random((5, 3, 3))
    targets[4] = 0

    def head(x):
        return x.mean((1, 2)) @ jnp.asarray(kernel, jnp.float32)

    missed, lesions = look.misses(
        head, jnp.asarray(features, jnp.float32), jnp.asarray(labels), jnp.asarray(targets)
    )
    expected = [_dice_by_hand(features[i], kernel, labels[i], targets[i]) for i in (0, 2)]
    assert lesions == 2  # neither background, nor what is absent, nor an empty mask
    assert missed == pytest.approx(sum(expected), rel=1e-5)


def test_a_perfect_map_misses_nothing_and_an_opposite_one_everything():
    target = np.zeros((1, 4, 4), np.float32)
    target[0, 1:3, 1:3] = 1

    def head(x):
        return jnp.concatenate([-x, x], -1).sum((1, 2))

    def missed(heat):
        return look.misses(head, jnp.asarray(heat)[..., None], jnp.array([1]), target)[0]

    assert missed(100 * target) == pytest.approx(0, abs=1e-4)
    assert missed(100 * (1 - target)) == pytest.approx(1)
    assert missed(-target) == pytest.approx(1)  # nothing speaks for the class


@pytest.fixture(params=["tiny", "tiny_vgg"])
def problem(request):
    """A model, and the term of a batch as a function of all its parameters in one vector."""
    model = backbones.load(request.param, weights="random", seed=3).model
    rng = np.random.default_rng(1)
    images = rng.normal(size=(3, tiny.SIZE, tiny.SIZE, 3)).astype(np.float32)
    labels, masks = jnp.array([1, 2, 4]), rng.random((3, tiny.SIZE, tiny.SIZE)) > 0.6
    flat, unravel = ravel_pytree(model.params)
    grid = 4 if request.param == "tiny" else 16
    targets = look.targets(masks, grid)

    def of(term):
        def value(flat):
            network = merge(model.replace(unravel(flat), model.stats))
            return term(network, run(network, images, model.stages)[0], labels, targets)

        return value

    return request.param, flat, of


def _term(network, features, labels, targets):
    return look.misses(lambda x: run(network, x, (HEAD,))[0], features, labels, targets)[0]


def _closed_form(network, features, labels, targets):
    """Where Grad-CAM is the head's weights times the features (Zhou et al., CVPR 2016)."""
    kernel = network[HEAD].linear.kernel[...]
    heats = jax.nn.relu(jnp.einsum("nhwc,cn->nhw", features, kernel[:, labels]))
    shares = heats / (heats.max((1, 2), keepdims=True) + look.FAINT)
    both = (shares**2 + targets**2).sum((1, 2))
    return (1 - 2 * (shares * targets).sum((1, 2)) / both).sum()


def test_its_gradient(problem):
    name, flat, of = problem
    term = jax.jit(of(_term))
    slope = jax.jit(jax.grad(term))(flat)
    assert jnp.linalg.norm(slope) > 0.1
    if name == "tiny":  # pools globally
        expected = jax.jit(jax.grad(of(_closed_form)))(flat)
        what = "gradient of the localisation term, relative | that of CAM from the head's weights"
        assert_within(1e-5, slope, expected, what, scale=float(jnp.abs(expected).max()))
        return
    direction = slope / jnp.linalg.norm(slope)  # along which it is steepest
    step = 1e-4  # larger ones step over kinks
    ahead, behind = (term(flat + sign * step * direction) for sign in (1, -1))
    assert float((ahead - behind) / (2 * step)) == pytest.approx(
        float(slope @ direction), rel=0.005
    )


def test_a_steps_gradient_is_that_of_both_means(model, splits):
    """Over all items and, by the weight, over the lesions; Adam's first moment tells it."""
    (phase,) = recipe("s2").phases
    labels = jnp.asarray(splits.train.labels)
    targets = look.targets(np.random.default_rng(0).random((16, 32, 32)) > 0.7, 4)
    batch = Batch(forward(model, splits.train.inputs, model.frozen), labels, jnp.asarray(targets))
    state, frozen = steps.start(phase.learning_rates, model), model.select(model.frozen)

    @jax.jit
    @jax.grad
    def expected(params):
        network = merge(model.update(model.replace(params, {})))
        features = run(network, batch.inputs, ["layer2"])[0]
        losses = optax.softmax_cross_entropy_with_integer_labels(
            run(network, features, (HEAD,))[0], labels
        )
        missed = _term(network, features, labels, targets)
        return losses.mean() + 0.7 * missed / (labels > 0).sum()

    slope = expected(state.variables.params)
    plan = steps.plan(model, phase, "frozen", 0.7)
    after, _ = steps.train_step(plan, state, frozen, batch)
    moments = optax.tree_utils.tree_get_all_with_path(after.opt_state, "mu")
    found = [leaf / 0.1 for _, of in moments for leaf in jax.tree.leaves(of)]
    for ours, theirs in zip(found, jax.tree.leaves(slope), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


def test_a_step_with_the_term_needs_targets(model, splits):
    (phase,) = recipe("s2").phases
    plan = steps.plan(model, phase, "frozen", 1.0)
    batch = Batch(forward(model, splits.train.inputs, model.frozen), splits.train.labels)
    with pytest.raises(ValueError, match="expected targets"):
        steps.train_step(
            plan, steps.start(phase.learning_rates, model), model.select(model.frozen), batch
        )


def test_training_goes_by_the_sum(model, splits, tmp_path):
    """History, stopping and the best epoch; the head's phase keeps features that are not pooled."""
    masks = np.random.default_rng(0).random((16, 32, 32)) > 0.7
    given = Splits(*(
        split._replace(targets=look.targets(masks[: len(split.labels)], 4))
        for split in (splits.train, splits.validation)
    ))  # fmt: skip
    done = fit(model, recipe("s1", look_weight=0.5), given, tmp_path)
    for row in done.progress.history:
        assert row["val_loss"] == row["val_cross_entropy"] + 0.5 * row["val_look"]
        if row["epoch"]:
            assert row["train_loss"] == row["train_cross_entropy"] + 0.5 * row["train_look"]
    losses = [row["val_loss"] for row in done.progress.history]
    assert done.progress.best["val_loss"] == min(losses)
    assert 0 < done.progress.history[-1]["val_look"] <= 1
    assert all("pool" not in phase["stages"] for phase in done.progress.prefix)
    first, labels = done.progress.history[0], given.validation.labels
    network = merge(model)
    features = forward(model, given.validation.inputs, model.stages)
    missed = _term(network, features, jnp.asarray(labels), jnp.asarray(given.validation.targets))
    assert 0 < (labels > 0).sum() < len(labels)
    assert first["val_look"] == pytest.approx(float(missed) / (labels > 0).sum(), rel=1e-5)
