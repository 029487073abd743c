"""All steps of an epoch, and a validation: which batches are one compiled call, and which many."""

from collections.abc import Callable, Iterable, Sequence

import jax
import numpy as np

from jaxcbis.machine import sharding
from jaxcbis.models.inference import per_call
from jaxcbis.models.model import HEAD, Model
from jaxcbis.training import batches, steps
from jaxcbis.training.batches import Examples
from jaxcbis.training.steps import Plan, State, Sums

#: Steps that may be queued behind the one that the device is at: enough to keep it busy, and so few
#: that what is shown is what is done.
AHEAD = 2
#: Shows how far the batches are.
Shown = Callable[[Sequence[np.ndarray]], Iterable[np.ndarray]]


def train(
    plan: Plan,
    state: State,
    frozen: Model,
    examples: Examples,
    order: Sequence[np.ndarray],
    shown: Shown = iter,
) -> tuple[State, Sums]:
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
      The state after it, and what every step came to: NumPy's [steps].
    """
    order = order if plan.batch_statistics else batches.padded(order)
    whole = [index for index in order if len(index) == len(order[0])]
    whole = whole if _in_one_call(plan.stages, examples) else []
    told = []
    if whole:
        together = sharding.on_all(np.stack(whole))
        state, sums = steps.train_steps(plan, state, frozen, examples.arrays, together)
        told.append(sums)
    for index in shown(order[len(whole) :]):
        if examples.on_device:
            there = sharding.on_all(index)
            state, sums = steps.train_on(plan, state, frozen, examples.arrays, there)
        else:
            state, sums = steps.train_step(plan, state, frozen, examples.batch(index))
        told.append(sums)
        if len(told) > AHEAD:
            jax.block_until_ready(told[-1 - AHEAD])
    return state, _joined(told)


def validate(model: Model, stages: tuple[str, ...], examples: Examples) -> Sums:
    """What the items come to, with stored BatchNorm statistics.

    Args:
      model: whole.
      stages: to run, with the head.
      examples: inputs of the first of the stages, and labels.

    Returns:
      NumPy's [batches].
    """
    count = len(examples.labels)
    size = min(count, per_call(examples.inputs) * jax.device_count())
    order = batches.padded(batches.in_order(count, size))
    if _in_one_call(stages, examples):
        there = sharding.on_all(np.stack(order))
        return _joined([steps.evaluate_steps(model, examples.arrays, there, stages)])
    told = []
    for index in order:
        if examples.on_device:
            there = sharding.on_all(index)
            told.append(steps.evaluate_on(model, examples.arrays, there, stages))
        else:
            told.append(steps.evaluate_step(model, examples.batch(index), stages))
    return _joined(told)


def _joined(told: Sequence[Sums]) -> Sums:
    """Those of one call after another; here the host waits for the device."""
    return Sums(*(np.concatenate([np.atleast_1d(x) for x in of]) for of in zip(*told, strict=True)))


def _in_one_call(stages: tuple[str, ...], examples: Examples) -> bool:
    """Whether all batches are one compiled call.

    Not on a CPU, except for the head alone: within a loop XLA computes convolutions there on one
    core and, measured with ResNet50's last two stages, nine times slower.
    """
    return examples.on_device and (stages == (HEAD,) or jax.default_backend() != "cpu")
