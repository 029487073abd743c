"""Training phase after phase, each from the best model of the one before."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
from orbax.checkpoint import CheckpointManager

from jaxcbis.errors import UserError
from jaxcbis.machine import hosts
from jaxcbis.models.inference import Track, untracked
from jaxcbis.models.model import HEAD, Model
from jaxcbis.training import checkpoints, kept_activations, steps
from jaxcbis.training.batches import Splits
from jaxcbis.training.phase import Progress, Standing, completed, train_phase
from jaxcbis.training.strategies import Phase, Recipe

#: Checkpoints take at most this share of the time: one of a large model takes a second, an epoch
#: of the head's phase milliseconds.
CHECKPOINT_SHARE = 0.1
#: What earlier versions saved besides, and what the history tells as well.
_FORMER = {"phase", "epoch", "stopping"}


class Fitted(NamedTuple):
    """The whole model with the lowest validation loss, and how training came to it."""

    model: Model
    progress: Progress


def fit(
    model: Model,
    recipe: Recipe,
    splits: Splits,
    folder: Path,
    on_epoch: Callable[[dict], None] = lambda row: None,
    track: Track = untracked,
) -> Fitted:
    """Trains a model.

    Continues where the checkpoint in `folder` stands, if there is one, with the same result as an
    unbroken run.

    Args:
      model: to start with.
      recipe: how.
      splits: images.
      folder: where checkpoints are kept.
      on_epoch: called with every new row of the history.
      track: shows how far it is.

    Raises:
      UserError: the loss is no longer finite, or a checkpoint cannot be read or written.
    """
    with checkpoints.open_manager(folder) as manager:
        progress = _progress(manager, recipe, folder)
        best = model.select([HEAD])
        # The half that is frozen in all phases is run once; each phase goes on from what it left.
        half = splits
        shortest = min((in_front(model, phase, recipe) for phase in recipe.phases), key=len)
        for phase in _left(recipe, progress):
            state = steps.start(phase.learning_rates, model.update(best))
            # The first step reuses the state's memory, so the best model needs its own.
            best = jax.tree.map(jnp.copy, state.variables)
            if resumed := progress.stands_in(phase):
                state, best = checkpoints.read_arrays(manager, (state, best))
                if progress.phase_ended(recipe):
                    continue
            began = time.perf_counter()
            half = kept_activations.behind(model, half, shortest, folder, track)
            stages = in_front(model, phase, recipe)
            kept = kept_activations.behind(model, half, stages, folder, track)
            if not resumed:
                seconds = time.perf_counter() - began
                record = {"phase": phase.name} | kept_activations.described(kept)
                progress = progress._replace(
                    prefix=[*progress.prefix, record | {"seconds": seconds}]
                )
                checkpoints.require_space(folder, (state, best))
            due = time.monotonic()
            standing = Standing(state, best, progress)
            epochs = train_phase(recipe, phase, model, standing, kept, track)
            for standing in epochs:
                best, progress = standing.best, standing.progress
                on_epoch(progress.history[-1])
                if progress.history[-1]["epoch"]:
                    due = _save_if_due(manager, standing, recipe, due)
            del state, standing, epochs  # the next phase's kept activations may need the memory
    return Fitted(model.update(best), progress)


def read_progress(folder: Path, recipe: Recipe) -> Progress:
    """Where the checkpoint in a folder stands, from which `fit` will go on; at nothing without one.

    Args:
      folder, recipe: as of `fit`.

    Raises:
      UserError: the checkpoint is damaged, or is of another recipe or version.
    """
    with checkpoints.open_manager(folder, clean=False) as manager:
        return _progress(manager, recipe, folder)


def _left(recipe: Recipe, progress: Progress) -> Sequence[Phase]:
    """The phases that are not over, as far as the history tells."""
    at = [progress.stands_in(phase) for phase in recipe.phases]
    return recipe.phases[at.index(True) if True in at else 0 :]


def _progress(manager: CheckpointManager, recipe: Recipe, folder: Path) -> Progress:
    saved = checkpoints.read_progress(manager)
    return _restored(saved, recipe, folder) if saved else Progress([], {}, [])


def _restored(saved: dict, recipe: Recipe, folder: Path) -> Progress:
    """The progress of a checkpoint, if it is one of this recipe."""
    try:
        progress = Progress(**{key: saved[key] for key in saved if key not in _FORMER})
        progress = progress._replace(history=[completed(row) for row in progress.history])
        last = progress.history[-1]
        stood = Phase(last["phase"], last["learning_rates"])
    except (TypeError, KeyError, IndexError) as error:
        raise UserError(
            f"cannot resume the checkpoint in {folder}: written by another version of jaxcbis "
            f"({type(error).__name__}: {error}); {checkpoints.RESTART}"
        ) from error
    if stood not in recipe.phases:
        expected = " or ".join(f"{name} with {rates}" for name, rates in recipe.phases)
        raise UserError(
            f"cannot resume the checkpoint in {folder}: it stands in phase {stood.name} with "
            f"learning rates {stood.learning_rates}, expected {expected}; {checkpoints.RESTART}"
        )
    return progress


def in_front(model: Model, phase: Phase, recipe: Recipe) -> tuple[str, ...]:
    """The stages whose outputs a phase keeps: none where images are turned anew in every epoch."""
    if recipe.augment:
        return ()
    first = next(iter(phase.learning_rates))
    return kept_activations.in_front(model.stages, first, pooled=not recipe.look_weight)


def _save_if_due(
    manager: CheckpointManager, standing: Standing, recipe: Recipe, due: float
) -> float:
    """Saves at the end of a phase, and where enough time has passed.

    Args:
      manager: of the checkpoints.
      standing: what to save.
      recipe: of the run.
      due: when to save, by `time.monotonic` of this host.

    Returns:
      When to save next.
    """
    began = time.monotonic()
    ended = standing.progress.phase_ended(recipe)
    # All hosts save together, and each has a clock of its own: the first one's counts.
    if not ended and not hosts.of_first(began >= due):
        return due
    checkpoints.save(manager, (standing.state, standing.best), standing.progress._asdict())
    done = time.monotonic()
    return done + (done - began) / CHECKPOINT_SHARE
