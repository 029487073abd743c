"""One phase of training: epochs, validation and early stopping."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcbis.errors import UserError
from jaxcbis.models.inference import Track, untracked
from jaxcbis.models.model import Model
from jaxcbis.training import batches, early_stopping, epochs, steps
from jaxcbis.training.batches import Splits
from jaxcbis.training.steps import State
from jaxcbis.training.strategies import Phase, Recipe


class Progress(NamedTuple):
    """How far training has come, in JSON values.

    Attributes:
      history: one row per epoch; epoch 0 of a phase is the model that it starts with.
      best: {'phase', 'epoch', 'val_loss'} of the best model so far.
      prefix: per phase {'phase', 'stages', 'megabytes', 'place', 'seconds'} of the activations it
        kept, in 'device' or 'file'.
    """

    history: list[dict]
    best: dict
    prefix: list[dict]

    def stands_in(self, phase: Phase) -> bool:
        """Whether the last epoch is of this phase."""
        return bool(self.history) and self.history[-1]["phase"] == phase.name

    def phase_ended(self, recipe: Recipe) -> bool:
        """Whether the phase of the last epoch has no other one."""
        last = self.history[-1]
        losses = [row["val_loss"] for row in self.history if row["phase"] == last["phase"]]
        waited = early_stopping.waited(losses, recipe.min_delta)
        return last["epoch"] >= recipe.epochs or waited >= recipe.patience


class Standing(NamedTuple):
    """Where training stands; what a checkpoint holds.

    Attributes:
      state: after the last epoch.
      best: the trainable stages with the lowest validation loss so far.
      progress: with the last epoch's row.
    """

    state: State
    best: Model
    progress: Progress


def train_phase(
    recipe: Recipe,
    phase: Phase,
    model: Model,
    standing: Standing,
    splits: Splits,
    track: Track = untracked,
) -> Iterator[Standing]:
    """Trains until the phase ends.

    Args:
      recipe: of all phases.
      phase: one of them.
      model: whole; its stages that do not learn are used.
      standing: at the end of the phase before, or in this one, which then goes on.
      splits: inputs of the first trainable stage.
      track: shows how far it is.

    Yields:
      Where training stands, before the first epoch and behind each. The next epoch reuses the
      memory of the state.

    Raises:
      UserError: a loss is not finite.
    """
    plan = steps.plan(model, phase, recipe.batch_norm)
    frozen = model.select(stage for stage in model.params if stage not in plan.trainable)
    count, number = len(splits.train.labels), recipe.phases.index(phase)

    def validated(state: State, epoch: int, train: tuple, began: float) -> dict:
        """The row of an epoch, given its mean training loss and accuracy."""
        loss, accuracy = epochs.validate(
            frozen.update(state.variables), plan.stages, splits.validation
        )
        where = f"phase {phase.name} epoch {epoch}"
        _require_finite(np.array([loss]), where, lambda _: "on the validation patches")
        return {
            "phase": phase.name,
            "epoch": epoch,
            "train_loss": train[0],
            "train_accuracy": train[1],
            "val_loss": loss,
            "val_accuracy": accuracy,
            "seconds": time.perf_counter() - began,
            "learning_rates": phase.learning_rates,
        }

    if not standing.progress.stands_in(phase):
        row = validated(standing.state, 0, (None, None), time.perf_counter())
        standing = _begun(standing, row)
        yield standing
    while not standing.progress.phase_ended(recipe):
        began = time.perf_counter()
        epoch = standing.progress.history[-1]["epoch"] + 1
        order = batches.shuffled(count, recipe.batch_size, (recipe.seed, number, epoch))
        name = f"{phase.name} epoch {epoch}"
        state, losses, correct = epochs.train(
            plan, standing.state, frozen, splits.train, order, partial(track, description=name)
        )
        _require_finite(
            losses,
            f"phase {name}",
            lambda k, order=order: (
                f"step {k + 1} of {len(order)}, on the patches {splits.train.named(order[k])}"
            ),
        )
        loss = float(np.average(losses, weights=[len(index) for index in order]))
        row = validated(state, epoch, (loss, float(correct.sum() / count)), began)
        standing = _advanced(standing, state, row)
        yield standing


def _begun(standing: Standing, row: dict) -> Standing:
    """Behind the validation of the model that a phase starts with: its first candidate."""
    history, best, prefix = standing.progress
    # That model may have been reached in another phase.
    best = {"phase": row["phase"], "epoch": 0} | best | {"val_loss": row["val_loss"]}
    return standing._replace(progress=Progress([*history, row], best, prefix))


def _advanced(standing: Standing, state: State, row: dict) -> Standing:
    """Behind one more epoch."""
    _, model, (history, best, prefix) = standing
    if row["val_loss"] < best["val_loss"]:
        best = {key: row[key] for key in ("phase", "epoch", "val_loss")}
        # The next step reuses the state's memory, so the best model needs its own.
        model = jax.tree.map(jnp.copy, state.variables)
    return Standing(state, model, Progress([*history, row], best, prefix))


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
