"""All phases of a training: what stays frozen, what is kept, and going on after a kill."""

import errno
import gc
import time
import weakref

import jax
import numpy as np
import pytest
from scipy.special import log_softmax

from jaxcbis.errors import UserError
from jaxcbis.models.inference import forward
from jaxcbis.models.model import HEAD
from jaxcbis.training import checkpoints, kept_activations, steps
from jaxcbis.training import fit as loop
from jaxcbis.training.batches import Kept
from jaxcbis.training.fit import fit, read_progress
from tests.training.small import figures, recipe, same_bytes


@pytest.fixture(scope="module")
def unbroken(model, splits, tmp_path_factory):
    return fit(model, recipe(), splits, tmp_path_factory.mktemp("unbroken"))


def test_frozen_stages_keep_every_byte_and_others_do_not(model, unbroken):
    for stage in (*model.stages, HEAD):
        for kind in ("params", "stats"):
            before, after = (
                getattr(each.select([stage]), kind) for each in (model, unbroken.model)
            )
            frozen = stage in model.frozen
            assert not before or same_bytes(before, after) == frozen, (stage, kind)


def test_history_starts_every_phase_with_its_first_candidate(unbroken):
    rows = [(row["phase"], row["epoch"]) for row in unbroken.progress.history]
    assert rows == [(p, e) for p in ("head", "layer2") for e in range(3)]
    assert unbroken.progress.history[0]["train_loss"] is None


def test_the_best_model_starts_the_next_phase_and_is_returned(splits, unbroken):
    losses = [row["val_loss"] for row in unbroken.progress.history]
    assert losses[3] == pytest.approx(min(losses[:3]), rel=1e-4)
    assert unbroken.progress.best["val_loss"] == pytest.approx(min(losses), rel=1e-4)
    stages = (*unbroken.model.stages, HEAD)
    log_p = log_softmax(forward(unbroken.model, splits.validation.inputs, stages), axis=1)
    loss = -np.take_along_axis(log_p, splits.validation.labels[:, None], axis=1).mean()
    assert loss == pytest.approx(unbroken.progress.best["val_loss"], rel=1e-4)


@pytest.mark.parametrize("stop_after", [2, 4, 6])
def test_a_killed_run_goes_on_as_if_it_had_not_been(
    model, splits, unbroken, tmp_path, monkeypatch, stop_after
):
    class Killed(BaseException):
        pass

    told = []

    def kill(row):
        told.append(row)
        if len(told) == stop_after:
            raise Killed

    monkeypatch.setattr(loop, "CHECKPOINT_SHARE", 1e9)  # after every epoch
    with pytest.raises(Killed):
        fit(model, recipe(), splits, tmp_path, kill)
    before = read_progress(tmp_path, recipe()).history
    assert figures(before) == figures(told[: len(before)])
    after = []
    resumed = fit(model, recipe(), splits, tmp_path, after.append)
    assert [*before, *after] == resumed.progress.history
    assert figures(resumed.progress.history) == figures(unbroken.progress.history)
    assert resumed.progress.best == unbroken.progress.best
    assert same_bytes(resumed.model, unbroken.model)


def test_a_checkpoint_of_an_earlier_version_goes_on(model, splits, unbroken, tmp_path, monkeypatch):
    """They kept with it what the history tells as well, and knew one loss alone."""
    save = checkpoints.save
    unknown = {"train_cross_entropy", "train_look", "val_cross_entropy", "val_look"}

    def with_more(manager, arrays, progress):
        rows = [{key: row[key] for key in row if key not in unknown} for row in progress["history"]]
        former = {"phase": 0, "epoch": rows[-1]["epoch"], "stopping": [rows[-1]["val_loss"], 0]}
        save(manager, arrays, progress | former | {"history": rows})
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints, "save", with_more)
    with pytest.raises(KeyboardInterrupt):
        fit(model, recipe(), splits, tmp_path)
    monkeypatch.setattr(checkpoints, "save", save)
    resumed = fit(model, recipe(), splits, tmp_path)
    assert figures(resumed.progress.history) == figures(unbroken.progress.history)


@pytest.mark.parametrize(("first_is_due", "saved"), [(True, [1, 2, 3]), (False, [3])])
def test_the_first_host_decides_when_all_of_them_save(
    model, splits, tmp_path, monkeypatch, first_is_due, saved
):
    """Seen by another one, whose own clock says the opposite."""
    asked, found = [], []

    def of_first(due):
        asked.append(due)
        return first_is_due

    monkeypatch.setattr(loop, "CHECKPOINT_SHARE", 1e-9 if first_is_due else 1e9)
    monkeypatch.setattr(loop.hosts, "of_first", of_first)
    monkeypatch.setattr(
        checkpoints, "save", lambda m, a, progress: found.append(progress["history"][-1]["epoch"])
    )
    head = recipe(epochs=3, phases=recipe().phases[:1])
    fit(model, head, splits, tmp_path)
    assert found == saved
    # It saves behind the first epoch; the end of a phase needs no clock.
    assert asked == ([True, False] if first_is_due else [True, True])


def test_early_stopping_ends_a_phase(model, splits, tmp_path):
    strict = recipe(epochs=50, patience=2, min_delta=10.0, phases=recipe().phases[:1])
    history = fit(model, strict, splits, tmp_path).progress.history
    assert [row["epoch"] for row in history] == [0, 1, 2]


def test_frozen_batch_norm_trains_scales_and_keeps_statistics(model, splits, tmp_path):
    result = fit(model, recipe("s2", batch_norm="frozen", epochs=1), splits, tmp_path).model
    assert same_bytes(model.stats, result.stats)
    scales = [each.params["layer2"]["block0"]["bn1"]["scale"] for each in (model, result)]
    assert not same_bytes(*scales)


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_loss_that_is_not_finite_names_its_patches(model, splits, tmp_path, split):
    whole = getattr(splits, split)
    inputs = whole.inputs.copy()
    inputs[5] = np.nan
    head = recipe(batch_size=3, phases=recipe().phases[:1])
    of_split = splits._replace(**{split: whole._replace(inputs=inputs)})
    with pytest.raises(UserError, match="the loss is no longer finite") as raised:
        fit(model, head, of_split, tmp_path)
    if split == "validation":
        assert "in phase head epoch 0, on the validation patches;" in str(raised.value)
    else:
        assert "of 6, on the patches id" in str(raised.value)
        named = str(raised.value).split("patches ")[1].split(";")[0].split(", ")
        assert "id5" in named
        assert len(named) == 3


def test_one_program_trains_and_one_validates_batches_of_every_size(
    model, splits, tmp_path, monkeypatch
):
    def programs():
        return steps.train_on._cache_size(), steps.evaluate_on._cache_size()

    before = programs()
    monkeypatch.setattr("jaxcbis.models.inference.BATCH", 3)
    assert len(splits.train.labels) % 7
    assert len(splits.validation.labels) % 3
    fit(model, recipe("s2", batch_norm="frozen", epochs=1, batch_size=7), splits, tmp_path)
    assert programs() == (before[0] + 1, before[1] + 1)


def test_a_run_from_a_file_equals_one_from_the_device(
    model, splits, unbroken, tmp_path, monkeypatch
):
    monkeypatch.setattr(kept_activations.device, "free_memory", lambda sharers: 0)
    filed = fit(model, recipe(), splits, tmp_path)
    assert {phase["place"] for phase in unbroken.progress.prefix} == {"device"}
    assert {phase["place"] for phase in filed.progress.prefix} == {"file"}
    for ours, theirs in zip(filed.progress.history, unbroken.progress.history, strict=True):
        assert ours["val_loss"] == pytest.approx(theirs["val_loss"], rel=1e-4)


def test_a_disk_without_room_for_the_activations_is_a_users_error(
    model, splits, tmp_path, monkeypatch
):
    def full(*words):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(kept_activations.device, "free_memory", lambda sharers: 0)
    monkeypatch.setattr(kept_activations.os, "posix_fallocate", full)
    with pytest.raises(UserError, match="no room for the kept activations"):
        fit(model, recipe("s2"), splits, tmp_path)


def test_runs_that_share_activations_compute_them_once(
    model, splits, unbroken, tmp_path, monkeypatch
):
    compute, computed = kept_activations.compute, []

    def counted(model, inputs, stages, *words):
        computed.append(stages)
        return compute(model, inputs, stages, *words)

    monkeypatch.setattr(kept_activations, "compute", counted)
    shared = splits._replace(kept=Kept({}))
    runs = [fit(model, recipe(), shared, tmp_path / name) for name in "ab"]
    once = [("stem", "layer1"), ("layer2", "pool")]
    assert computed == [stages for stages in once for _ in range(2)]
    for run in runs:
        assert same_bytes(run.model, unbroken.model)
    assert set(shared.kept.behind) == {("stem", "layer1"), ("stem", "layer1", "layer2", "pool")}


def test_who_only_reads_the_progress_removes_nothing(tmp_path):
    """A thread of orbax would be at it while the run goes on already."""
    part = tmp_path / checkpoints.TRAINING / "1.orbax-checkpoint-tmp"
    part.mkdir(parents=True)
    assert read_progress(tmp_path, recipe()).history == []
    time.sleep(0.5)  # such a thread takes milliseconds
    assert part.exists()
    end = time.monotonic() + 60
    with checkpoints.open_manager(tmp_path):
        while part.exists() and time.monotonic() < end:
            time.sleep(0.01)
    assert not part.exists(), "who goes on removes it"


def test_a_phase_leaves_no_state_beside_the_next_ones_activations(
    model, splits, tmp_path, monkeypatch
):
    states, held = [], []
    train_phase, behind = loop.train_phase, kept_activations.behind

    def remembered(*words):
        for standing in train_phase(*words):
            states.append(weakref.ref(jax.tree.leaves(standing.state.opt_state)[0]))
            yield standing

    def counted(*words):
        held.append(sum(state() is not None for state in states))
        return behind(*words)

    monkeypatch.setattr(loop, "train_phase", remembered)
    monkeypatch.setattr(kept_activations, "behind", counted)
    fit(model, recipe(epochs=1), splits, tmp_path)
    assert len(states) == 4, "two phases, each as it starts and after an epoch"
    assert held == [0] * 4


def test_shared_activations_are_freed_with_what_holds_them(model, splits, tmp_path):
    """A GPU's memory cannot wait for Python's collector of cycles."""
    kept = Kept({})
    fit(model, recipe("s2", epochs=1), splits._replace(kept=kept), tmp_path)
    inputs = weakref.ref(kept.behind["stem", "layer1"].train.inputs)
    gc.disable()
    try:
        kept.behind.clear()
        assert inputs() is None
    finally:
        gc.enable()
