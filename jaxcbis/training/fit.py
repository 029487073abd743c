"""The training loop: phases, epochs, early stopping, checkpoints."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxcbis.errors import UserError
from jaxcbis.models import backbones
from jaxcbis.models.backbones import HEAD, Backbone
from jaxcbis.models.inference import Track, Variables, forward, map_batches, untracked
from jaxcbis.training import batches, checkpoints, prefix, steps, stopping
from jaxcbis.training.steps import Plan, State
from jaxcbis.training.stopping import Stopping
from jaxcbis.training.strategies import Phase

#: A checkpoint of a large model takes a second, an epoch of the head's phase milliseconds.
SECONDS_BETWEEN_CHECKPOINTS = 30.0


class Examples(NamedTuple):
    """Normalised images, float32 [n, size, size, 1], and their labels, int32 [n]."""

    images: np.ndarray
    labels: np.ndarray


class Settings(NamedTuple):
    """How the loop runs; each is the option of the same name."""

    batch_size: int
    epochs: int
    patience: int
    min_delta: float
    batch_norm: str
    seed: int


class Fitted(NamedTuple):
    """Attributes:
    variables: of the whole model, those with the lowest validation loss.
    history: one row per epoch; epoch 0 of a phase is the model that it starts with.
    best: {'phase', 'epoch', 'val_loss'}, where `variables` were reached.
    prefix: per phase {'phase', 'stages', 'megabytes', 'seconds'} of the activations it kept.
    """

    variables: Variables
    history: list[dict]
    best: dict
    prefix: list[dict]


def fit(
    backbone: Backbone,
    phases: Sequence[Phase],
    train: Examples,
    validation: Examples,
    settings: Settings,
    folder: Path,
    *,
    on_epoch: Callable[[dict], None] = lambda row: None,
    track: Track = untracked,
) -> Fitted:
    """Trains phase after phase, each from the best model of the one before.

    Continues where the checkpoint in `folder` stands, if there is one, with the same result as an
    unbroken run.

    Args:
      backbone: the model to start with.
      phases: of `strategies.phases`.
      train, validation: the two splits; neither may be empty.
      settings: of the loop.
      folder: where checkpoints are kept.
      on_epoch: called with every row of the history.
      track: shows how far it is.

    Raises:
      UserError: the loss is no longer finite, or a checkpoint cannot be written.
    """
    manager = checkpoints.open_manager(folder)
    progress = checkpoints.read_progress(manager)
    start = Variables(backbone.params, backbone.stats)
    history: list[dict] = progress["history"] if progress else []
    kept: list[dict] = progress["prefix"] if progress else []
    for row in history:
        on_epoch(row)

    best: dict = {}
    best_variables = start.select((HEAD,))
    for number, phase in enumerate(phases):
        if progress and number < progress["phase"]:
            continue
        plan = _plan(backbone, phase, settings.batch_norm)
        frozen = start.select(s for s in start.params if s not in plan.trainable)
        initial = start.update(best_variables).select(plan.trainable)
        state = steps.start(phase.learning_rates, initial)
        resumed = progress is not None and number == progress["phase"]
        if resumed:
            arrays = checkpoints.read_arrays(manager, {"state": state, "best": initial})
            state, best_variables = arrays["state"], arrays["best"]
            best, stop = progress["best"], Stopping(*progress["stopping"])
            epoch = progress["epoch"]
        if resumed and _ended(epoch, stop, settings):
            continue

        began = time.perf_counter()
        first = plan.stages[0]
        train_inputs = prefix.compute(backbone, start, train.images, first, track)
        validation_inputs = prefix.compute(backbone, start, validation.images, first, track)
        seconds = time.perf_counter() - began

        def measure(variables: Variables, inputs=validation_inputs, plan=plan, frozen=frozen):
            return evaluate(plan, frozen.update(variables), inputs, validation.labels)

        if not resumed:
            kept.append(
                {
                    "phase": phase.name,
                    "stages": list(prefix.in_front(backbone.name, first)),
                    "megabytes": (train_inputs.nbytes + validation_inputs.nbytes) / 2**20,
                    "seconds": seconds,
                }
            )
            began = time.perf_counter()
            loss, accuracy = measure(state.variables)
            row = _row(phase, 0, None, None, loss, accuracy, time.perf_counter() - began)
            history.append(row)
            on_epoch(row)
            epoch, stop = 0, Stopping(loss)
            best_variables = initial
            best = {"phase": phase.name, "epoch": 0} | best | {"val_loss": loss}

        saved = time.monotonic()
        while not _ended(epoch, stop, settings):
            epoch += 1
            began = time.perf_counter()
            order = batches.shuffled(
                len(train.labels), settings.batch_size, (settings.seed, number, epoch)
            )
            state, train_loss, train_accuracy = _epoch(
                plan, state, frozen, train_inputs, train.labels,
                track(list(order), f"{phase.name} epoch {epoch}"),
            )  # fmt: skip
            loss, accuracy = measure(state.variables)
            _require_finite(train_loss, loss, phase, epoch)
            seconds = time.perf_counter() - began
            row = _row(phase, epoch, train_loss, train_accuracy, loss, accuracy, seconds)
            history.append(row)
            on_epoch(row)
            if loss < best["val_loss"]:
                best = {"phase": phase.name, "epoch": epoch, "val_loss": loss}
                # The next step reuses the state's memory, so the best model needs its own.
                best_variables = jax.tree.map(jnp.copy, state.variables)
            stop = stopping.update(stop, loss, settings.min_delta)
            ended = _ended(epoch, stop, settings)
            if ended or time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS:
                checkpoints.save(
                    manager,
                    {"state": state, "best": best_variables},
                    {
                        "phase": number, "epoch": epoch, "history": history, "prefix": kept,
                        "best": best, "stopping": list(stop),
                    },
                )  # fmt: skip
                saved = time.monotonic()
    manager.close()
    return Fitted(start.update(best_variables), history, best, kept)


def evaluate(
    plan: Plan, variables: Variables, inputs: np.ndarray, labels: np.ndarray
) -> tuple[float, float]:
    """Mean cross-entropy and accuracy, with stored BatchNorm statistics.

    Args:
      plan: whose stages to run.
      variables: of the whole model.
      inputs: [n, ...], of the plan's first stage.
      labels: int32 [n].
    """

    def run(batch):
        return forward(plan.graphdef, variables, batch, plan.stages)

    logits = map_batches(run, inputs)
    losses = optax.softmax_cross_entropy_with_integer_labels(jnp.asarray(logits), labels)
    return float(losses.mean()), float((logits.argmax(-1) == labels).mean())


def _plan(backbone: Backbone, phase: Phase, batch_norm: str) -> Plan:
    stages = (*backbones.stages(backbone.name), HEAD)
    trainable = tuple(phase.learning_rates)
    behind_prefix = stages[stages.index(trainable[0]) :]
    return Plan(
        backbone.graphdef, behind_prefix, trainable, trainable if batch_norm == "train" else ()
    )


def _ended(epoch: int, stop: Stopping, settings: Settings) -> bool:
    return epoch >= settings.epochs or stop.waited >= settings.patience


def _epoch(
    plan: Plan, state: State, frozen: Variables, inputs: np.ndarray, labels: np.ndarray, order
) -> tuple[State, float, float]:
    losses, correct, sizes = [], [], []
    for index in order:
        state, loss, right = steps.train_step(plan, state, frozen, inputs[index], labels[index])
        losses.append(loss)
        correct.append(right)
        sizes.append(len(index))
    # Only here does the host wait for the device.
    loss = float(np.average(np.asarray(losses, np.float64), weights=sizes))
    return state, loss, float(np.sum(correct) / np.sum(sizes))


def _require_finite(train_loss: float, loss: float, phase: Phase, epoch: int) -> None:
    if not np.isfinite([train_loss, loss]).all():
        raise UserError(
            f"the loss is no longer finite in phase {phase.name}, epoch {epoch} (train "
            f"{train_loss}, validation {loss}); lower --head-lr and --backbone-lr"
        )


def _row(phase: Phase, epoch: int, train_loss, train_accuracy, loss, accuracy, seconds) -> dict:
    return {
        "phase": phase.name,
        "epoch": epoch,
        "train_loss": train_loss,
        "train_accuracy": train_accuracy,
        "val_loss": loss,
        "val_accuracy": accuracy,
        "seconds": seconds,
        "learning_rates": phase.learning_rates,
    }
