"""Steps and validations, however their batches are cut, called and kept."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss

from jaxcbis.models import backbones
from jaxcbis.models.inference import forward
from jaxcbis.models.model import HEAD
from jaxcbis.training import batches, epochs, steps
from jaxcbis.training.batches import Batch, Splits
from jaxcbis.training.fit import fit
from jaxcbis.training.kept_activations import in_front
from tests.differences import assert_within
from tests.training.small import arrays, recipe


def test_steps_behind_the_kept_prefix_lose_nothing(model, splits):
    (phase,) = recipe("s2").phases
    trainable = tuple(phase.learning_rates)
    stages = (*model.stages, HEAD)
    images, labels = splits.train[:2]

    def losses(start):
        front, behind = stages[: stages.index(start)], stages[stages.index(start) :]
        plan = steps.Plan(behind, trainable, trainable)
        state = steps.start(phase.learning_rates, model)
        inputs = np.asarray(forward(model, images, front))
        seen = []
        for step in range(3):
            index = np.arange(8) + 4 * step
            batch = Batch(inputs[index], labels[index])
            state, sums = steps.train_step(plan, state, model.select(model.frozen), batch)
            seen.append(float(sums.cross_entropy) / len(index))
        return seen

    got, expected = losses("layer2"), np.array(losses("stem"))
    what = "losses behind kept activations, relative | without them"
    assert_within(1e-4, got, expected, what, scale=expected)


def test_a_last_batch_that_is_filled_up_trains_as_one_of_its_own_size(model, splits):
    (phase,) = recipe("s2").phases
    plan = steps.plan(model, phase, "frozen", look_weight=1.0)
    images, labels = splits.train[:2]
    entered = forward(model, images, model.frozen)
    targets = jnp.asarray(np.random.default_rng(0).random((len(labels), 4, 4)))
    items = Batch(entered, jnp.asarray(labels), targets)
    few = np.arange(8, 13)
    full = batches.padded([np.arange(8), few])[1]
    assert len(full) == 8

    def step(index):
        state = steps.start(phase.learning_rates, model)
        frozen = model.select(model.frozen)
        return steps.train_on(plan, state, frozen, items, index)

    (state, sums), (other, of_full) = step(few), step(full)
    assert sums.lesions == (labels[few] > 0).sum() > 0
    np.testing.assert_allclose(sums, of_full, rtol=1e-5)
    for ours, theirs in zip(arrays(state.opt_state), arrays(other.opt_state), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_many_steps_in_one_call_are_the_same_steps(model, splits, weight):
    """On the device and from the host."""
    (phase, _) = recipe().phases
    plan = steps.plan(model, phase, "frozen", weight)
    kept = forward(model, splits.train.inputs, in_front(model.stages, HEAD, pooled=not weight))
    targets = np.random.default_rng(0).random((16, 4, 4), np.float32) if weight else None
    order = batches.shuffled(16, 6, (0,))  # 6, 6 and 4 items
    shown = []

    def epoch(inputs):
        def show(part):
            shown.append(len(part))
            return part

        on_device = isinstance(inputs, jax.Array)
        theirs = jnp.asarray(targets) if weight and on_device else targets
        examples = splits.train._replace(inputs=inputs, targets=theirs)
        state = steps.start(phase.learning_rates, model)
        frozen = model.select(model.stages)
        state, sums = epochs.train(plan, state, frozen, examples, order, show)
        return sums.correct, sums.cross_entropy, sums.look, *arrays(state.variables)

    in_one_call, step_by_step = epoch(kept), epoch(np.asarray(kept))
    assert shown == [0, 3]
    np.testing.assert_array_equal(in_one_call[0], step_by_step[0])
    for ours, theirs in zip(in_one_call, step_by_step, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_what_is_shown_of_an_epoch_is_done_but_for_a_few_steps(model, splits, monkeypatch):
    """However fast the steps are queued."""
    (phase,) = recipe("s2").phases
    plan = steps.plan(model, phase, "frozen")
    queued, done = [], []

    def queue(plan, state, frozen, batch):
        queued.append(np.zeros(()))
        return state, steps.Sums(*queued[-1:] * 4)

    def show(order):
        for count, index in enumerate(order):
            assert len(done) == max(count - epochs.AHEAD, 0)
            yield index

    monkeypatch.setattr(steps, "train_step", queue)
    monkeypatch.setattr(epochs.jax, "block_until_ready", done.append)
    state = steps.start(phase.learning_rates, model)
    order = batches.in_order(16, 2)
    epochs.train(plan, state, model.select(model.frozen), splits.train, order, show)
    assert [sums.look for sums in done] == queued[: -epochs.AHEAD]


def test_validation_equals_scikit_learn(model, splits, monkeypatch):
    stages = (*model.stages, HEAD)
    images, labels = splits.train[:2]
    logits = np.asarray(forward(model, images, stages))
    expected = log_loss(
        labels, softmax(logits.astype(np.float64), axis=1), labels=range(logits.shape[1])
    )
    right = (logits.argmax(1) == labels).mean()
    monkeypatch.setattr("jaxcbis.models.inference.BATCH", 6)  # so that the last batch lacks some
    for inputs in (images, jnp.asarray(images)):  # on the host, on the device
        split = splits.train._replace(inputs=inputs)
        sums = epochs.validate(model, stages, split)
        assert sums.cross_entropy.sum() / len(labels) == pytest.approx(expected, rel=1e-5)
        assert sums.correct.sum() / len(labels) == pytest.approx(right)
    monkeypatch.setattr(epochs, "_in_one_call", lambda *words: True)
    np.testing.assert_allclose(epochs.validate(model, stages, split), sums, rtol=1e-5)


def test_bfloat16_loses_as_float32_does(splits, tmp_path):
    squares = np.zeros((len(splits.train.labels), 4, 4), np.float32)
    squares[:, 1:3, :2] = 1
    train, validation = (
        split._replace(targets=squares[: len(split.labels)])
        for split in (splits.train, splits.validation)
    )
    parts = [f"{of}_{part}" for of in ("train", "val") for part in ("cross_entropy", "look")]

    def losses(dtype):
        model = backbones.load("tiny", weights="random", seed=1, dtype=dtype).model
        how = recipe("s2", batch_norm="frozen", look_weight=1.0)
        done = fit(model, how, Splits(train, validation), tmp_path / dtype.__name__)
        assert {a.dtype for a in arrays(done.model)} == {np.dtype(np.float32)}
        return [row[part] for row in done.progress.history[1:] for part in parts]

    half, full = losses(jnp.bfloat16), losses(jnp.float32)
    assert_within(0.02, half, full, "bfloat16's losses, relative | float32's", scale=np.array(full))
    assert half != full


def test_an_item_without_a_name_has_a_number(splits):
    index = np.array([3, batches.ABSENT, 1])
    assert splits.train.named(index) == "id3, id1"
    assert splits.train._replace(ids=()).named(index) == "item 3, item 1"


def test_every_item_is_visited_once_an_epoch_in_another_order():
    orders = [batches.shuffled(10, 4, (0, 1, epoch)) for epoch in (1, 2)]
    assert [[len(index) for index in order] for order in orders] == [[4, 4, 2]] * 2
    one, two = map(np.concatenate, orders)
    assert sorted(one) == sorted(two) == list(range(10))
    assert (one != two).any()
    assert [batch.tolist() for batch in batches.shuffled(10, 4, (0, 1, 1))] == [
        batch.tolist() for batch in orders[0]
    ]


@pytest.mark.parametrize("count", [8, 9])
def test_batches_of_an_exact_division_have_no_empty_one(count):
    sizes = [len(index) for index in batches.in_order(count, 4)]
    assert sizes == [4, 4, 1][: len(sizes)]
    assert sum(sizes) == count
    assert jax.tree.all([len(index) == 4 for index in batches.padded(batches.in_order(count, 4))])
