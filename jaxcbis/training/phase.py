"""One phase of training: epochs, validation and early stopping."""

import math
import time
from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcbis.errors import UserError
from jaxcbis.models.inference import Track, untracked
from jaxcbis.models.model import Model
from jaxcbis.training import augmentation, batches, early_stopping, epochs, steps
from jaxcbis.training.batches import Splits
from jaxcbis.training.steps import Plan, State, Sums
from jaxcbis.training.strategies import Phase, Recipe


class Progress(NamedTuple):
    """How far training has come, in JSON values.

    Attributes:
      history: one row per epoch; epoch 0 of a phase is the model that it starts with.
      best: {'phase', 'epoch', 'val_loss'} of the best model so far.
      prefix: per phase {'phase', 'stages', 'megabytes', 'place', 'seconds'} of the activations it
        kept, in 'device', 'file' or, of images, 'host'.
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
      recipe, phase: how, and the one of its phases.
      model: whole; its stages that do not learn are used.
      standing: at the end of the phase before, or in this one, which then goes on.
      splits: inputs of the first trainable stage.
      track: shows how far it is.

    Yields:
      Where training stands before the first epoch and behind each, which reuses the memory of the
      state before it.

    Raises:
      UserError: a loss is not finite.
    """
    plan = planned(recipe, phase, model)
    frozen = model.select({*model.params, *model.stats} - set(plan.trainable))

    def validated(state: State, name: str) -> Means:
        now = frozen.update(state.variables)
        sums = epochs.validate(now, plan.stages, splits.validation)
        _require_finite(_loss(sums, recipe).sum(), f"phase {name}, on the validation patches")
        return _means(sums, len(splits.validation.labels), recipe)

    # ---- The model that the phase starts with is its first candidate
    if not standing.progress.stands_in(phase):
        began = time.perf_counter()
        validation = validated(standing.state, f"{phase.name} epoch 0")
        yield (standing := _begun(standing, _row(phase, 0, _NONE, validation, began)))

    while not standing.progress.phase_ended(recipe):
        began = time.perf_counter()
        epoch = standing.progress.history[-1]["epoch"] + 1
        name = f"{phase.name} epoch {epoch}"

        # ---- All steps of an epoch
        seed = (recipe.seed, recipe.phases.index(phase), epoch)
        order = batches.shuffled(len(splits.train.labels), recipe.batch_size, seed)
        examples = splits.train
        if recipe.augment:
            drawn = augmentation.draw(len(examples.labels), seed)
            examples = examples._replace(draws=drawn)
        state, sums = epochs.train(
            plan, standing.state, frozen, examples, order, _shown(track, name)
        )
        losses = _loss(sums, recipe)
        for step in np.flatnonzero(~np.isfinite(losses)):
            patches = splits.train.named(order[step])
            where = f"phase {name}, step {step + 1} of {len(order)}, on the patches {patches}"
            _require_finite(losses[step], where)

        # ---- Validation
        train = _means(sums, len(splits.train.labels), recipe)
        row = _row(phase, epoch, train, validated(state, name), began)
        yield (standing := _advanced(standing, state, row))


def completed(row: dict) -> dict:
    """A row of the history with what versions without the localisation term did not tell."""
    parts = {
        "train_cross_entropy": row["train_loss"], "train_look": None,
        "val_cross_entropy": row["val_loss"], "val_look": None,
    }  # fmt: skip
    return row | parts | row


def planned(recipe: Recipe, phase: Phase, model: Model) -> Plan:
    """What the steps of a phase do, as of `train_phase`."""
    return steps.plan(
        model, phase, recipe.batch_norm, recipe.look_weight,
        augment=recipe.augment, checkpoint=recipe.checkpoint,
    )  # fmt: skip


class Means(NamedTuple):
    """Of a split; all None where it was not visited.

    Attributes:
      loss: what is minimised: the mean cross-entropy and, by its weight, the localisation term's
        mean over all lesions.
      accuracy: share of the items that are classified correctly.
      cross_entropy, look: the loss's parts; look is None without the localisation term.
    """

    loss: float | None
    accuracy: float | None
    cross_entropy: float | None
    look: float | None


_NONE = Means(None, None, None, None)


def _loss(sums: Sums, recipe: Recipe) -> np.ndarray:
    """Of every batch, summed over its items: for whether it is finite, not for how large it is."""
    return sums.cross_entropy + recipe.look_weight * sums.look


def _means(sums: Sums, count: int, recipe: Recipe) -> Means:
    """Given the sums of every batch of `count` items."""
    total, correct, missed, lesions = (float(of.sum(dtype=np.float64)) for of in sums)
    cross_entropy = total / count
    if not recipe.look_weight:
        return Means(cross_entropy, correct / count, cross_entropy, None)
    look = missed / max(lesions, 1)
    return Means(cross_entropy + recipe.look_weight * look, correct / count, cross_entropy, look)


def _row(phase: Phase, epoch: int, train: Means, validation: Means, began: float) -> dict:
    """Of the history."""
    return {
        "phase": phase.name,
        "epoch": epoch,
        "train_loss": train.loss,
        "train_accuracy": train.accuracy,
        "val_loss": validation.loss,
        "val_accuracy": validation.accuracy,
        "train_cross_entropy": train.cross_entropy,
        "train_look": train.look,
        "val_cross_entropy": validation.cross_entropy,
        "val_look": validation.look,
        "seconds": time.perf_counter() - began,
        "learning_rates": phase.learning_rates,
    }


def _shown(track: Track, name: str) -> epochs.Shown:
    return lambda order: track(order, name)


def _begun(standing: Standing, row: dict) -> Standing:
    """Behind the first validation of a phase."""
    history, best, prefix = standing.progress
    # The best model so far may have been reached in another phase.
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


def _require_finite(loss: float, where: str) -> None:
    """Refuses to go on behind a loss that is no number."""
    if not math.isfinite(loss):
        raise UserError(
            f"the loss is no longer finite ({loss}) in {where}; "
            "lower the learning rates, or check the weights and these patches"
        )
