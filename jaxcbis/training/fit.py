"""The training loop: phases, epochs, early stopping, checkpoints."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from orbax.checkpoint import CheckpointManager

from jaxcbis.errors import UserError
from jaxcbis.machine import sharding
from jaxcbis.models.inference import BATCH, Track, untracked
from jaxcbis.models.model import HEAD, Model
from jaxcbis.training import batches, checkpoints, early_stopping, kept_activations, steps
from jaxcbis.training.early_stopping import Stopping
from jaxcbis.training.steps import Plan, State
from jaxcbis.training.strategies import Phase

#: Checkpoints take at most this share of the time: one of a large model takes a second, an epoch
#: of the head's phase milliseconds.
CHECKPOINT_SHARE = 0.1


class Examples(NamedTuple):
    """Inputs, float32 [n, height, width, channels], and their labels, int32 [n].

    The inputs are normalised grey images with one channel or, behind a kept prefix, activations:
    on the device, or in a mapped file where they do not fit there. Where several devices share
    them, there may be more inputs than labels: what stands behind the last item is not used.
    """

    inputs: np.ndarray | jax.Array
    labels: np.ndarray | jax.Array


class Kept(NamedTuple):
    """Activations that runs share.

    Attributes:
      behind: both splits, by the stages in front of them.
      sharers: processes that keep theirs on this host side by side.
    """

    behind: dict[tuple[str, ...], list[Examples]]
    sharers: int = 1


class Settings(NamedTuple):
    """How the loop runs; each is the option of the same name."""

    batch_size: int
    epochs: int
    patience: int
    min_delta: float
    batch_norm: str
    seed: int


@dataclass
class Progress:
    """Where training stands, in JSON values; saved with every checkpoint.

    Attributes:
      phase: number of the current phase.
      epoch: of that phase, done.
      stopping: of that phase, `Stopping` as a list.
      best: {'phase', 'epoch', 'val_loss'} of the best model so far.
      history: one row per epoch; epoch 0 of a phase is the model that it starts with.
      prefix: per phase {'phase', 'stages', 'megabytes', 'place', 'seconds'} of the activations it
        kept, in 'device' or 'file'.
    """

    phase: int = 0
    epoch: int = 0
    stopping: list = field(default_factory=list)
    best: dict = field(default_factory=dict)
    history: list[dict] = field(default_factory=list)
    prefix: list[dict] = field(default_factory=list)


class Loop(NamedTuple):
    """What all phases of a run share."""

    settings: Settings
    manager: CheckpointManager
    progress: Progress
    on_epoch: Callable[[dict], None]
    track: Track


class Fitted(NamedTuple):
    """The whole model with the lowest validation loss, and how training came to it."""

    model: Model
    progress: Progress


def fit(
    model: Model,
    phases: Sequence[Phase],
    train: Examples,
    validation: Examples,
    settings: Settings,
    folder: Path,
    *,
    on_resume: Callable[[Progress], None] = lambda progress: None,
    on_epoch: Callable[[dict], None] = lambda row: None,
    track: Track = untracked,
    kept: Kept | None = None,
    ids: Sequence[str] | np.ndarray = (),
) -> Fitted:
    """Trains phase after phase, each from the best model of the one before.

    Continues where the checkpoint in `folder` stands, if there is one, with the same result as an
    unbroken run.

    Args:
      model: to start with.
      phases: of `strategies.phases`.
      train, validation: the two splits, as images; neither may be empty.
      settings: of the loop.
      folder: where checkpoints are kept.
      on_resume: called where a checkpoint was found.
      on_epoch: called with every row of the history, those of a resumed run first.
      track: shows how far it is.
      kept: for runs of one backbone on the same data to share; filled here. Without it activations
        are dropped as soon as a phase needs them no more.
      ids: of the training items, to name those on which the loss is not finite.

    Raises:
      UserError: the loss is no longer finite, or a checkpoint cannot be read or written.
    """
    manager = checkpoints.open_manager(folder)
    saved = checkpoints.read_progress(manager)
    progress = _restored(saved, phases, folder) if saved else Progress()
    if saved:
        on_resume(progress)
    for row in progress.history:
        on_epoch(row)

    loop = Loop(settings, manager, progress, on_epoch, track)
    best = model.select([HEAD])
    # The half that is frozen in all phases is run once; each phase goes on from what it left.
    began = time.perf_counter()
    firsts = (next(iter(phase.learning_rates)) for phase in phases)
    half = min((kept_activations.in_front(model.stages, first) for first in firsts), key=len)

    def keep(splits: Sequence[Examples], done: int, stages: tuple[str, ...]) -> list[Examples]:
        """Both splits behind the stages, given those behind the first `done` of them."""
        if kept is not None and stages in kept.behind:
            return kept.behind[stages]
        found = [
            Examples(
                kept_activations.compute(
                    model, split.inputs, stages[done:], folder, track, kept.sharers if kept else 1
                ),
                sharding.on_all(split.labels),
            )
            for split in splits
        ]
        if kept is not None:
            kept.behind[stages] = found
        return found

    splits: list[Examples] = []
    for number in range(progress.phase, len(phases)):
        phase = phases[number]
        plan = _plan(model, phase, settings.batch_norm)
        state = steps.start(phase.learning_rates, model.update(best))
        best = jax.tree.map(jnp.copy, state.variables)
        resumed = saved is not None and number == saved["phase"]
        if resumed:
            state, best = checkpoints.read_arrays(manager, (state, best))
            if _ended(progress, settings):
                continue
        splits = splits or keep((train, validation), 0, half)
        in_front = kept_activations.in_front(model.stages, plan.stages[0])
        behind = keep(splits, len(half), in_front)
        if not resumed:
            progress.phase = number
            progress.prefix.append(
                {
                    "phase": phase.name,
                    "stages": list(in_front),
                    "megabytes": sum(split.inputs.nbytes for split in behind) / 2**20,
                    "place": "device" if isinstance(behind[0].inputs, jax.Array) else "file",
                    "seconds": time.perf_counter() - began,
                }
            )
            checkpoints.require_space(folder, (state, best))
        frozen = model.select(stage for stage in model.params if stage not in plan.trainable)
        best = _run_phase(loop, phase, plan, frozen, state, best, behind, resumed, ids)
        began = time.perf_counter()
    manager.close()
    return Fitted(model.update(best), progress)


def _run_phase(
    loop: Loop,
    phase: Phase,
    plan: Plan,
    frozen: Model,
    state: State,
    best: Model,
    splits: Sequence[Examples],
    resumed: bool,
    ids: Sequence[str] | np.ndarray,
) -> Model:
    """Trains until the phase ends and returns its best stages; `loop.progress` goes along."""
    settings, manager, progress, on_epoch, track = loop
    train, validation = splits

    def record(train_loss: float | None, train_accuracy: float | None, began: float) -> float:
        """Validates, adds a row to the history, and returns the validation loss."""
        loss, accuracy = evaluate(frozen.update(state.variables), plan.stages, validation)
        where = f"phase {phase.name} epoch {progress.epoch}"
        _require_finite(np.array([loss]), where, lambda _: "on the validation patches")
        row = {
            "phase": phase.name,
            "epoch": progress.epoch,
            "train_loss": train_loss,
            "train_accuracy": train_accuracy,
            "val_loss": loss,
            "val_accuracy": accuracy,
            "seconds": time.perf_counter() - began,
            "learning_rates": phase.learning_rates,
        }
        progress.history.append(row)
        on_epoch(row)
        return loss

    if not resumed:
        progress.epoch = 0
        loss = record(None, None, time.perf_counter())
        progress.stopping = list(Stopping(loss))
        # The first candidate is the model that the phase starts with, wherever it was reached.
        progress.best = {"phase": phase.name, "epoch": 0} | progress.best | {"val_loss": loss}

    next_save = time.monotonic()
    while not _ended(progress, settings):
        began = time.perf_counter()
        progress.epoch += 1
        seed = (settings.seed, progress.phase, progress.epoch)
        order = list(batches.shuffled(len(train.labels), settings.batch_size, seed))
        description = f"{phase.name} epoch {progress.epoch}"
        state, train_loss, train_accuracy = run_epoch(
            plan, state, frozen, train, order, track, description, ids
        )
        loss = record(train_loss, train_accuracy, began)
        if loss < progress.best["val_loss"]:
            progress.best = {"phase": phase.name, "epoch": progress.epoch, "val_loss": loss}
            # The next step reuses the state's memory, so the best model needs its own.
            best = jax.tree.map(jnp.copy, state.variables)
        stop = early_stopping.update(Stopping(*progress.stopping), loss, settings.min_delta)
        progress.stopping = list(stop)
        began = time.monotonic()
        if began >= next_save or _ended(progress, settings):
            checkpoints.save(manager, (state, best), dataclasses.asdict(progress))
            done = time.monotonic()
            next_save = done + (done - began) / CHECKPOINT_SHARE
    return best


def run_epoch(
    plan: Plan,
    state: State,
    frozen: Model,
    train: Examples,
    order: Sequence[np.ndarray],
    track: Track = untracked,
    description: str = "",
    ids: Sequence[str] | np.ndarray = (),
) -> tuple[State, float, float]:
    """Takes one step per batch.

    Args:
      plan: of the phase.
      state: before the epoch; its memory is reused.
      frozen: the stages that do not learn.
      train: inputs of the plan's first stage, and labels.
      order: the items of each batch; all but the last of one size. That one is filled up, so that
        one compiled step serves for all, where no batch statistics are taken.
      track, description: show how far it is.
      ids: of the items, to name those of a batch whose loss is not finite.

    Raises:
      UserError: a step's loss is not finite.

    Returns:
      The state after it, and the mean loss and the accuracy over the items while they were visited.
    """
    sizes = [len(index) for index in order]
    order = order if plan.batch_statistics else batches.padded(order)
    losses, correct = [], []
    whole = [index for index in order if len(index) == len(order[0])]
    whole = whole if _in_one_call(plan.stages, train) else []
    if whole:
        state, loss, right = steps.train_steps(
            plan, state, frozen, *train, sharding.on_all(np.stack(whole))
        )
        losses.append(loss)
        correct.append(right)
    for index in track(order[len(whole) :], description):
        if isinstance(train.inputs, jax.Array):
            there = sharding.on_all(index)
            state, loss, right = steps.train_on(plan, state, frozen, *train, there)
        else:
            batch = _of_host(train, index)
            state, loss, right = steps.train_step(plan, state, frozen, *batch)
        losses.append(loss[None])
        correct.append(right[None])
    # Only here does the host wait for the device.
    of_steps = np.concatenate(losses).astype(np.float64)

    def described(step: int) -> str:
        items = [i for i in order[step] if i != batches.ABSENT]
        named = ", ".join(str(ids[i]) if len(ids) else f"item {i}" for i in items)
        return f"step {step + 1} of {len(order)}, on the patches {named}"

    _require_finite(of_steps, f"phase {description}", described)
    loss = float(np.average(of_steps, weights=sizes))
    return state, loss, float(np.concatenate(correct).sum() / sum(sizes))


def evaluate(model: Model, stages: tuple[str, ...], split: Examples) -> tuple[float, float]:
    """Mean cross-entropy and accuracy, with stored BatchNorm statistics.

    Args:
      model: whole.
      stages: to run, with the head.
      split: inputs of the first of the stages, and labels.
    """
    count = len(split.labels)
    order = batches.padded(batches.in_order(count, min(count, BATCH * jax.device_count())))
    if _in_one_call(stages, split):
        there = sharding.on_all(np.stack(order))
        losses, correct = steps.evaluate_steps(model, *split, there, stages)
    else:
        told = []
        for index in order:
            if isinstance(split.inputs, jax.Array):
                there = sharding.on_all(index)
                told.append(steps.evaluate_on(model, *split, there, stages))
            else:
                batch = _of_host(split, index)
                told.append(steps.evaluate_step(model, *batch, stages))
        losses, correct = zip(*told, strict=True)
    # Only here does the host wait for the device.
    total, right = np.asarray(losses, np.float64).sum(), np.asarray(correct).sum()
    return float(total / count), float(right / count)


def _in_one_call(stages: tuple[str, ...], examples: Examples) -> bool:
    """Whether all batches are one compiled call.

    Not on a CPU, except for the head alone: within a loop XLA computes convolutions there on one
    core and, measured with ResNet50's last two stages, nine times slower.
    """
    on_device = isinstance(examples.inputs, jax.Array)
    return on_device and (stages == (HEAD,) or jax.default_backend() != "cpu")


def _of_host(examples: Examples, index: np.ndarray) -> tuple[Any, np.ndarray]:
    """A batch of inputs that lie on the host, and its labels: ABSENT where the index is."""
    labels = np.asarray(examples.labels)[index]
    labels = np.where(index == batches.ABSENT, batches.ABSENT, labels)
    return sharding.items(np.asarray(examples.inputs), index), labels


def _plan(model: Model, phase: Phase, batch_norm: str) -> Plan:
    stages = (*model.stages, HEAD)
    trainable = tuple(phase.learning_rates)
    behind_prefix = stages[stages.index(trainable[0]) :]
    normalizing = [stage for stage in trainable if model.stats.get(stage)]
    of_batch = tuple(normalizing) if batch_norm == "train" else ()
    return Plan(behind_prefix, trainable, of_batch)


def _restored(saved: dict, phases: Sequence[Phase], folder: Path) -> Progress:
    """The progress of a checkpoint, if it is one of these phases."""
    try:
        progress = Progress(**saved)
        last = progress.history[-1]
        stood = Phase(last["phase"], last["learning_rates"])
        expected = phases[progress.phase]
    except (TypeError, KeyError, IndexError) as error:
        raise UserError(
            f"cannot resume the checkpoint in {folder}: written by another version of jaxcbis or "
            f"for other phases ({type(error).__name__}: {error}); {checkpoints.RESTART}"
        ) from error
    if stood != expected:
        raise UserError(
            f"cannot resume the checkpoint in {folder}: it stands in phase {stood.name} with "
            f"learning rates {stood.learning_rates}, expected {expected.name} with "
            f"{expected.learning_rates}; {checkpoints.RESTART}"
        )
    return progress


def _ended(progress: Progress, settings: Settings) -> bool:
    waited = Stopping(*progress.stopping).waited
    return progress.epoch >= settings.epochs or waited >= settings.patience


def _require_finite(losses: np.ndarray, where: str, of_item: Callable[[int], str]) -> None:
    """Refuses to go on behind a loss that is none.

    Args:
      losses: in their order.
      where: they were met.
      of_item: what to say of the first one that is not finite.
    """
    bad = np.flatnonzero(~np.isfinite(losses))
    if len(bad):
        raise UserError(
            f"the loss is no longer finite ({losses[bad[0]]}) in {where}, {of_item(int(bad[0]))}; "
            "lower --head-lr and --backbone-lr, or check the weights and these patches"
        )
