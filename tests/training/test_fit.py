"""The loop on a small problem: what stays frozen, what is kept, and going on after a kill."""

import errno

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss

from jaxcbis.errors import UserError
from jaxcbis.models import backbones
from jaxcbis.models.inference import forward
from jaxcbis.training import batches, kept_activations, steps, strategies
from jaxcbis.training import fit as loop
from jaxcbis.training.fit import Examples, Settings, fit
from tests.differences import assert_within

SIZE = 32
SETTINGS = Settings(
    batch_size=8, epochs=2, patience=7, min_delta=0.01, batch_norm="train", seed=3
)  # fmt: skip


@pytest.fixture(scope="module")
def backbone():
    return backbones.load("resnet34", weights="random", seed=1).model


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)

    def examples(count):
        labels = rng.integers(0, 5, count).astype(np.int32)
        stripes = np.sin(np.arange(SIZE) * (labels[:, None] + 1) / 4)
        noise = rng.normal(size=(count, SIZE, SIZE))
        return Examples((stripes[:, None] + 0.3 * noise)[..., None].astype(np.float32), labels)

    return examples(16), examples(8)


def phases(strategy):
    return strategies.phases(
        strategy, ["layer3", "layer4"], head_lr=1e-2, backbone_lr=1e-3, lr_decay=0.3
    )


def arrays(variables):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(variables)]


def figures(history):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in history]


@pytest.fixture(scope="module")
def unbroken(backbone, data, tmp_path_factory):
    return fit(backbone, phases("s1"), *data, SETTINGS, tmp_path_factory.mktemp("unbroken"))


def test_frozen_stages_keep_every_byte_and_others_do_not(backbone, unbroken):
    for stage in (*backbone.stages, "head"):
        for kind in ("params", "stats"):
            before, after = (
                arrays(getattr(model.select([stage]), kind)) for model in (backbone, unbroken.model)
            )
            same = all(a.tobytes() == b.tobytes() for a, b in zip(before, after, strict=True))
            assert not before or same == (stage in backbone.frozen), (stage, kind)


def test_history_starts_every_phase_with_its_first_candidate(unbroken):
    rows = [(row["phase"], row["epoch"]) for row in unbroken.progress.history]
    assert rows == [(p, e) for p in ("head", "layer4", "layer3") for e in range(3)]
    assert unbroken.progress.history[0]["train_loss"] is None


def test_the_best_model_starts_the_next_phase_and_is_returned(backbone, data, unbroken):
    losses = [row["val_loss"] for row in unbroken.progress.history]
    for k in (3, 6):
        assert losses[k] == pytest.approx(min(losses[:k]), rel=1e-4)
    assert unbroken.progress.best["val_loss"] == pytest.approx(min(losses), rel=1e-4)
    images, labels = data[1]
    stages = (*backbone.stages, "head")
    logits = np.asarray(forward(unbroken.model, images, stages))
    shifted = logits - logits.max(1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    loss = -log_p[np.arange(len(labels)), labels].mean()
    assert loss == pytest.approx(unbroken.progress.best["val_loss"], rel=1e-4)


@pytest.mark.parametrize("stop_after", [2, 4, 9])
def test_a_killed_run_goes_on_as_if_it_had_not_been(
    backbone, data, unbroken, tmp_path, monkeypatch, stop_after
):
    class Killed(BaseException):
        pass

    seen = []

    def kill(row):
        seen.append(row)
        if len(seen) == stop_after:
            raise Killed

    monkeypatch.setattr(loop, "CHECKPOINT_SHARE", 1e9)  # after every epoch
    with pytest.raises(Killed):
        fit(backbone, phases("s1"), *data, SETTINGS, tmp_path, on_epoch=kill)
    resumed = fit(backbone, phases("s1"), *data, SETTINGS, tmp_path)
    assert figures(resumed.progress.history) == figures(unbroken.progress.history)
    assert resumed.progress.best == unbroken.progress.best
    for ours, theirs in zip(arrays(resumed.model), arrays(unbroken.model), strict=True):
        assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("first", ["stem", "layer2"])
def test_steps_behind_the_kept_prefix_lose_nothing(backbone, data, first):
    (phase,) = phases("s2")
    trainable = tuple(phase.learning_rates)
    stages = (*backbone.stages, "head")
    frozen = backbone.select(backbone.frozen)
    images, labels = data[0]

    def losses(start):
        in_front, behind = stages[: stages.index(start)], stages[stages.index(start) :]
        plan = steps.Plan(behind, trainable, trainable)
        state = steps.start(phase.learning_rates, backbone)
        inputs = images
        if in_front:
            inputs = np.asarray(forward(backbone, images, in_front))
        seen = []
        for step in range(3):
            index = np.arange(8) + 4 * step
            state, loss, _ = steps.train_step(plan, state, frozen, inputs[index], labels[index])
            seen.append(float(loss))
        return seen

    np.testing.assert_allclose(losses("layer3"), losses(first), rtol=1e-4)


def test_early_stopping_ends_a_phase(backbone, data, tmp_path):
    settings = SETTINGS._replace(epochs=50, patience=2, min_delta=10.0)
    result = fit(backbone, phases("s1")[:1], *data, settings, tmp_path)
    assert [row["epoch"] for row in result.progress.history] == [0, 1, 2]


def test_frozen_batch_norm_trains_scales_and_keeps_statistics(backbone, data, tmp_path):
    settings = SETTINGS._replace(batch_norm="frozen", epochs=1)
    result = fit(backbone, phases("s2"), *data, settings, tmp_path)
    for old, new in zip(arrays(backbone.stats), arrays(result.model.stats), strict=True):
        assert old.tobytes() == new.tobytes()


def test_a_last_batch_that_is_filled_up_trains_as_one_of_its_own_size(backbone, data):
    (phase,) = phases("s2")
    plan = loop._plan(backbone, phase, "frozen")
    frozen = backbone.select(backbone.frozen)
    images, labels = data[0]
    entered = forward(backbone, images, backbone.frozen)
    few = np.arange(8, 13)
    full = batches.padded([np.arange(8), few])[1]
    assert len(full) == 8

    def step(index):
        state = steps.start(phase.learning_rates, backbone)
        return steps.train_on(plan, state, frozen, entered, jnp.asarray(labels), index)

    (state, loss, correct), (other, other_loss, other_correct) = step(few), step(full)
    assert correct == other_correct
    np.testing.assert_allclose(loss, other_loss, rtol=1e-5)
    for ours, theirs in zip(arrays(state.opt_state), arrays(other.opt_state), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6)


def test_a_loss_that_is_not_finite_names_the_patches_of_its_batch_alone(backbone, data):
    (phase,) = phases("s1")[:1]
    plan = loop._plan(backbone, phase, "frozen")
    images, labels = data[0]
    pooled = np.array(forward(backbone, images, kept_activations.in_front(backbone.stages, "head")))
    pooled[4] = np.nan
    train = Examples(jnp.asarray(pooled), jnp.asarray(labels))
    state = steps.start(phase.learning_rates, backbone)
    frozen = backbone.select(backbone.stages)
    order, ids = [np.arange(4), np.array([4])], [f"id{i}" for i in range(16)]
    with pytest.raises(UserError, match="step 2 of 2, on the patches id4;"):
        loop.run_epoch(plan, state, frozen, train, order, ids=ids)


def test_one_program_trains_and_one_validates_batches_of_every_size(
    backbone, data, tmp_path, monkeypatch
):
    def programs():
        return steps.train_on._cache_size(), steps.evaluate_on._cache_size()

    before = programs()
    monkeypatch.setattr(loop, "BATCH", 3)
    settings = SETTINGS._replace(batch_norm="frozen", epochs=1, batch_size=7)
    assert len(data[0].labels) % 7
    assert len(data[1].labels) % 3
    fit(backbone, phases("s2"), *data, settings, tmp_path)
    assert programs() == (before[0] + 1, before[1] + 1)


def test_validation_equals_scikit_learn(backbone, data, monkeypatch):
    stages = (*backbone.stages, "head")
    images, labels = data[0]
    logits = np.asarray(forward(backbone, images, stages))
    expected = log_loss(
        labels, softmax(logits.astype(np.float64), axis=1), labels=range(logits.shape[1])
    )
    right = (logits.argmax(1) == labels).mean()
    monkeypatch.setattr(loop, "BATCH", 6)  # so that the last batch lacks some
    for inputs in (images, jnp.asarray(images)):  # on the host, on the device
        split = Examples(inputs, labels)
        loss, accuracy = loop.evaluate(backbone, stages, split)
        assert loss == pytest.approx(expected, rel=1e-5)
        assert accuracy == pytest.approx(right)
    monkeypatch.setattr(loop, "_in_one_call", lambda *words: True)
    assert loop.evaluate(backbone, stages, split)[0] == pytest.approx(loss, rel=1e-5)


def test_many_steps_in_one_call_are_the_same_steps(backbone, data):
    (phase,) = phases("s1")[:1]
    plan = steps.Plan(("head",), ("head",), ())
    frozen = backbone.select(backbone.stages)
    images, labels = data[0]
    pooled = forward(backbone, images, kept_activations.in_front(backbone.stages, "head"))
    order = list(batches.shuffled(len(labels), 6, (0,)))  # 6, 6 and 4 items

    def epoch(inputs):
        state = steps.start(phase.learning_rates, backbone)
        train = Examples(inputs, jnp.asarray(labels))
        state, loss, accuracy = loop.run_epoch(plan, state, frozen, train, order)
        return loss, accuracy, *arrays(state.variables)

    in_one_call, step_by_step = epoch(pooled), epoch(np.asarray(pooled))
    assert in_one_call[1] == step_by_step[1]
    for ours, theirs in zip(in_one_call, step_by_step, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_what_does_not_fit_the_device_is_kept_in_a_file(data, tmp_path, monkeypatch, dtype):
    backbone = backbones.load("vgg16", weights="random", dtype=dtype).model
    stages = kept_activations.in_front(backbone.stages, "block2")
    images = data[0].inputs
    here = kept_activations.compute(backbone, images, stages, tmp_path)
    assert isinstance(here, jax.Array)
    monkeypatch.setattr(kept_activations.device, "free_memory", lambda sharers: here.nbytes)
    there = kept_activations.compute(backbone, images, stages, tmp_path)
    assert isinstance(there, np.memmap)
    assert there.dtype == here.dtype == dtype
    np.testing.assert_array_equal(np.asarray(there), np.asarray(here))
    assert not any(tmp_path.iterdir()), "the file has no name, and so goes with the process"


def test_a_disk_without_room_for_the_activations_is_a_users_error(
    backbone, data, tmp_path, monkeypatch
):
    def full(*words):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(kept_activations.device, "free_memory", lambda sharers: 0)
    monkeypatch.setattr(kept_activations.os, "posix_fallocate", full)
    with pytest.raises(UserError, match="no room for the kept activations"):
        fit(backbone, phases("s2"), *data, SETTINGS, tmp_path)


def test_a_run_from_a_file_equals_one_from_the_device(
    backbone, data, unbroken, tmp_path, monkeypatch
):
    monkeypatch.setattr(kept_activations.device, "free_memory", lambda sharers: 0)
    filed = fit(backbone, phases("s1")[:2], *data, SETTINGS, tmp_path)
    assert {phase["place"] for phase in unbroken.progress.prefix} == {"device"}
    assert {phase["place"] for phase in filed.progress.prefix} == {"file"}
    expected = [row for row in unbroken.progress.history if row["phase"] != "layer3"]
    for ours, theirs in zip(filed.progress.history, expected, strict=True):
        assert ours["val_loss"] == pytest.approx(theirs["val_loss"], rel=1e-4)


def test_bfloat16_loses_as_float32_does(data, tmp_path):
    def losses(dtype):
        backbone = backbones.load("resnet34", weights="random", seed=1, dtype=dtype).model
        settings = SETTINGS._replace(batch_norm="frozen")
        rates = strategies.phases(
            "s2", ["layer3", "layer4"], head_lr=1e-3, backbone_lr=1e-4, lr_decay=0.3
        )
        done = fit(backbone, rates, *data, settings, tmp_path / dtype.__name__)
        assert {a.dtype for a in arrays(done.model)} == {np.dtype(np.float32)}
        return [row[key] for row in done.progress.history[1:] for key in ("train_loss", "val_loss")]

    half, full = losses(jnp.bfloat16), losses(jnp.float32)
    assert_within(0.02, half, full, "bfloat16's losses against float32's", scale=np.array(full))
    assert half != full
