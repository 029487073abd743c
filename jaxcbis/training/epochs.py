"""All steps of an epoch, and a validation: which batches are one compiled call, and which many."""

from collections.abc import Callable, Iterable, Sequence

import jax
import numpy as np

from jaxcbis.machine import sharding
from jaxcbis.models.inference import BATCH
from jaxcbis.models.model import HEAD, Model
from jaxcbis.training import batches, steps
from jaxcbis.training.batches import Examples
from jaxcbis.training.steps import Plan, State

#: Shows how far the batches are.
Shown = Callable[[Sequence[np.ndarray]], Iterable[np.ndarray]]


def train(
    plan: Plan,
    state: State,
    frozen: Model,
    examples: Examples,
    order: Sequence[np.ndarray],
    shown: Shown = iter,
) -> tuple[State, np.ndarray, np.ndarray]:
    """Takes one step per batch.

    Args:
      plan: of the phase.
      state: before the epoch; its memory is reused.
      frozen: the stages that do not learn.
      examples: inputs of the plan's first stage, and labels.
      order: the items of each batch; all but the last of one size. That one is filled up, so that
        one compiled step serves for all, where no batch statistics are taken.
      shown: shows how far it is, where steps are taken one by one.

    Returns:
      The state after it, and of every step the mean loss, float64 [steps], and how many items it
      classified correctly, int [steps].
    """
    order = order if plan.batch_statistics else batches.padded(order)
    whole = [index for index in order if len(index) == len(order[0])]
    whole = whole if _in_one_call(plan.stages, examples) else []
    losses, correct = [], []
    if whole:
        together = sharding.on_all(np.stack(whole))
        state, loss, right = steps.train_steps(
            plan, state, frozen, examples.inputs, examples.labels, together
        )
        losses.append(loss)
        correct.append(right)
    for index in shown(order[len(whole) :]):
        if examples.on_device:
            there = sharding.on_all(index)
            state, loss, right = steps.train_on(
                plan, state, frozen, examples.inputs, examples.labels, there
            )
        else:
            state, loss, right = steps.train_step(plan, state, frozen, *examples.batch(index))
        losses.append(loss[None])
        correct.append(right[None])
    # Only here does the host wait for the device.
    return state, np.concatenate(losses).astype(np.float64), np.concatenate(correct)


def validate(model: Model, stages: tuple[str, ...], examples: Examples) -> tuple[float, float]:
    """Mean cross-entropy and accuracy, with stored BatchNorm statistics.

    Args:
      model: whole.
      stages: to run, with the head.
      examples: inputs of the first of the stages, and labels.
    """
    count = len(examples.labels)
    order = batches.padded(batches.in_order(count, min(count, BATCH * jax.device_count())))
    if _in_one_call(stages, examples):
        there = sharding.on_all(np.stack(order))
        losses, correct = steps.evaluate_steps(
            model, examples.inputs, examples.labels, there, stages
        )
    else:
        told = []
        for index in order:
            if examples.on_device:
                there = sharding.on_all(index)
                told.append(
                    steps.evaluate_on(model, examples.inputs, examples.labels, there, stages)
                )
            else:
                told.append(steps.evaluate_step(model, *examples.batch(index), stages))
        losses, correct = zip(*told, strict=True)
    # Only here does the host wait for the device.
    total, right = np.asarray(losses, np.float64).sum(), np.asarray(correct).sum()
    return float(total / count), float(right / count)


def _in_one_call(stages: tuple[str, ...], examples: Examples) -> bool:
    """Whether all batches are one compiled call.

    Not on a CPU, except for the head alone: within a loop XLA computes convolutions there on one
    core and, measured with ResNet50's last two stages, nine times slower.
    """
    return examples.on_device and (stages == (HEAD,) or jax.default_backend() != "cpu")
