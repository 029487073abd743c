"""Training a classifier of whole images: its loss, phases, kept activations, and going on."""

import jax
import numpy as np
import pytest
from scipy.special import log_expit

from jaxcbis.models.inference import forward
from jaxcbis.models.model import HEAD, run
from jaxcbis.training import epochs, steps
from jaxcbis.training import fit as loop
from jaxcbis.training.batches import ABSENT, Batch, Splits
from jaxcbis.training.fit import fit
from tests.differences import assert_within
from tests.training.small import figures, same_bytes
from tests.training.whole import classifier, recipe, views

POOLED = {"top": "vgg", "top_input": "heatmap", "head": "pool"}


@pytest.fixture(scope="module")
def model():
    return classifier()


@pytest.fixture(scope="module")
def splits() -> Splits:
    return Splits(views(7, 0), views(5, 1))


def test_one_output_has_the_binary_cross_entropy_and_counts_at_0(model):
    found = views(6, 2)
    stages = (*model.stages, HEAD)
    logits = np.asarray(forward(model, found.inputs, stages), np.float64)[:, 0]
    sums = steps.evaluate_step(model, Batch(found.inputs, found.labels), stages)
    signs = np.where(found.labels == 1, 1, -1)
    assert sums.cross_entropy == pytest.approx(-log_expit(signs * logits).sum(), rel=1e-5)
    assert sums.correct == ((logits > 0) == found.labels).sum()


def test_an_absent_view_counts_for_nothing(model):
    found, stages = views(2, 2), (*model.stages, HEAD)
    whole = steps.evaluate_step(model, Batch(found.inputs[:1], found.labels[:1]), stages)
    labels = np.array([found.labels[0], ABSENT], np.int32)
    filled = steps.evaluate_step(model, Batch(found.inputs, labels), stages)
    np.testing.assert_allclose(filled, whole, rtol=1e-5)


def test_phases_train_what_they_name_and_lower_the_loss(model, splits, tmp_path):
    done = fit(model, recipe(epochs=3), splits, tmp_path)
    for stage in (*model.stages, HEAD):
        for kind in ("params", "stats"):
            before, after = (getattr(each.select([stage]), kind) for each in (model, done.model))
            frozen = stage in model.frozen or kind == "stats"
            assert not before or same_bytes(before, after) == frozen, (stage, kind)
    history = done.progress.history
    assert [row["phase"] for row in history] == ["top"] * 4 + ["all"] * 4
    losses = [row["train_loss"] for row in history if row["epoch"]]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("augment", [True, False])
def test_what_stays_the_same_is_kept_without_augmentation_alone(model, splits, tmp_path, augment):
    done = fit(model, recipe(epochs=1, augment=augment), splits, tmp_path)
    kept = [(row["stages"], row["place"]) for row in done.progress.prefix]
    frozen = ["input", "stem", "layer1"]
    assert kept == (
        [([], "host")] * 2 if augment else [([*frozen, "layer2"], "device"), (frozen, "device")]
    )


def test_views_are_sent_batch_by_batch_as_they_are(model, splits, tmp_path, monkeypatch):
    sent = []
    step = steps.train_step

    def noted(plan, state, frozen, batch):
        sent.append((batch.inputs.shape, batch.inputs.dtype))
        return step(plan, state, frozen, batch)

    monkeypatch.setattr(steps, "train_step", noted)
    fit(model, recipe(epochs=1), splits, tmp_path)
    assert set(sent) == {((2, 40, 24, 1), np.dtype(np.uint8))}


@pytest.mark.parametrize("augment", [True, False])
@pytest.mark.parametrize("stop_after", [2, 5])
def test_a_killed_run_goes_on_as_if_it_had_not_been(
    model, splits, tmp_path, monkeypatch, stop_after, augment
):
    class Killed(BaseException):
        pass

    told = []

    def kill(row):
        told.append(row)
        if len(told) == stop_after:
            raise Killed

    monkeypatch.setattr(loop, "CHECKPOINT_SHARE", 1e9)  # after every epoch
    given = recipe(augment=augment)
    unbroken = fit(model, given, splits, tmp_path / "unbroken")
    with pytest.raises(Killed):
        fit(model, given, splits, tmp_path / "killed", kill)
    resumed = fit(model, given, splits, tmp_path / "killed")
    assert figures(resumed.progress.history) == figures(unbroken.progress.history)
    assert same_bytes(resumed.model, unbroken.model)


@pytest.mark.parametrize(
    ("name", "stages", "options", "dtype"),
    [
        ("tiny", ("layer2",), {"top": "residual", "top_input": "features"}, np.uint8),
        (
            "tiny_vgg",
            ("block2",),
            {"top": "vgg", "top_input": "heatmap", "head": "pool"},
            np.uint16,
        ),
    ],
)
def test_checkpointing_changes_no_loss_and_no_gradient(name, stages, options, dtype):
    """Adam's first moment is a tenth of the gradient after one step."""
    model = classifier(name, **options)
    given = recipe(stages, options["top_input"])
    found = views(2, 3, dtype)

    def after(checkpoint):
        phase = given.phases[1]
        plan = steps.plan(model, phase, "frozen", checkpoint=checkpoint, augment=True)
        assert bool(plan.recomputed) == checkpoint
        state = steps.start(phase.learning_rates, model)
        frozen = model.select({*model.stages} - {*plan.trainable})
        state, sums = steps.train_step(plan, state, frozen, Batch(found.inputs, found.labels))
        moments = [
            leaf for path, leaf in jax.tree_util.tree_leaves_with_path(state.opt_state)
            if "mu" in jax.tree_util.keystr(path)
        ]  # fmt: skip
        return sums, moments

    (sums, gradient), (expected, expected_gradient) = after(True), after(False)
    np.testing.assert_allclose(sums, expected, rtol=1e-6)
    assert gradient
    assert any(np.any(leaf) for leaf in gradient)
    row = "gradient with activations computed again, of the maximum | with those that were kept"
    for ours, theirs in zip(gradient, expected_gradient, strict=True):
        assert_within(1e-4, ours, theirs, row, scale=np.abs(theirs).max() or 1)


@pytest.mark.parametrize(("learning", "differentiated"), [("layer2", False), ("stem", True)])
def test_frozen_stages_have_no_gradient(model, monkeypatch, learning, differentiated):
    """Even run anew in every step: layer1 has one only where a stage in front of it learns."""
    asked = []

    def guarded_run(network, x, stages, *words):
        layer1 = network["layer1"]
        guarded = jax.custom_jvp(lambda x: layer1(x, train=False))

        @guarded.defjvp
        def tangent(primals, tangents):
            asked.append(primals)
            return guarded(*primals), guarded(*primals) * tangents[0].mean()

        return run(network | {"layer1": lambda x, train: guarded(x)}, x, stages, *words)

    monkeypatch.setattr(steps, "run", guarded_run)
    phase = recipe([learning]).phases[1]
    plan = steps.plan(model, phase, "frozen", augment=True)
    state = steps.start(phase.learning_rates, model)
    frozen = model.select({*model.stages} - {*plan.trainable})
    found = views(3, 4)  # of a shape of its own: what was traced before has no guard
    steps.train_step.trace(plan, state, frozen, Batch(found.inputs, found.labels))
    assert bool(asked) == differentiated


def test_large_images_are_validated_a_few_at_a_time(model, monkeypatch):
    shapes = []
    monkeypatch.setattr("jaxcbis.models.inference.PIXELS", 40 * 24 // 16)
    monkeypatch.setattr(
        steps, "evaluate_step",
        lambda model, batch, stages: shapes.append(batch.inputs.shape) or steps.Sums(*[0.0] * 4),
    )  # fmt: skip
    epochs.validate(model, (*model.stages, HEAD), views(5, 0))
    assert shapes == [(2, 40, 24, 1)] * 3
