"""Steps of training and validation, pure and compiled.

Each on one batch, on items of arrays on the device, or many of them in one call.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxcbis.machine import sharding
from jaxcbis.models.inference import rgb
from jaxcbis.models.model import HEAD, Model, Network, Tree, merge, run, split
from jaxcbis.training import augmentation, look, optimizer
from jaxcbis.training.batches import ABSENT, Batch
from jaxcbis.training.strategies import Phase


class Plan(NamedTuple):
    """What a phase's step does; hashable, so that it is compiled once per plan.

    Attributes:
      stages: those the step runs, in order and with the head. Its inputs are the first one's.
      trainable: those that learn.
      batch_statistics: those whose BatchNorm normalises by the batch.
      look_weight: of the localisation term in the loss.
      recomputed: those of them whose inner activations the gradient computes anew.
    """

    stages: tuple[str, ...]
    trainable: tuple[str, ...]
    batch_statistics: tuple[str, ...]
    look_weight: float = 0.0
    recomputed: tuple[str, ...] = ()


class State(NamedTuple):
    """What training changes: the trainable stages of the model, and what the optimizer keeps."""

    variables: Model
    opt_state: optax.OptState


class Sums(NamedTuple):
    """What a batch comes to: arrays [], or [steps] of several batches.

    Attributes:
      cross_entropy: of all its items.
      correct: how many were classified correctly.
      look: the localisation term, of `look.misses`, summed over its lesions.
      lesions: how many these are; both are 0 without targets.
    """

    cross_entropy: Any
    correct: Any
    look: Any
    lesions: Any


def plan(
    model: Model,
    phase: Phase,
    batch_norm: str,
    look_weight: float = 0.0,
    *,
    augment: bool = False,
    checkpoint: bool = False,
) -> Plan:
    """What the steps of a phase do.

    Args:
      model: whole.
      phase: of the model's strategy.
      batch_norm, look_weight, augment, checkpoint: of the recipe.
    """
    stages = (*model.stages, HEAD)
    trainable = tuple(phase.learning_rates)
    behind = stages if augment else stages[stages.index(trainable[0]) :]
    normalizing = tuple(stage for stage in trainable if model.stats.get(stage))
    by_batch = normalizing if batch_norm == "train" else ()
    kept = (HEAD, *by_batch)
    recomputed = tuple(stage for stage in trainable if checkpoint and stage not in kept)
    return Plan(behind, trainable, by_batch, look_weight, recomputed)


def start(learning_rates: dict[str, float], model: Model) -> State:
    """The state before the first step, with arrays of its own.

    Args:
      learning_rates: by trainable stage.
      model: with at least the trainable stages.
    """
    own = jax.tree.map(jnp.array, model.select(learning_rates))
    adam = optimizer.make(own.params, learning_rates)
    return sharding.on_all(State(own, adam.init(own.params)))


@partial(jax.jit, static_argnames="plan", donate_argnames="state")
def train_step(plan: Plan, state: State, frozen: Model, batch: Batch) -> tuple[State, Sums]:
    """Takes one step of Adam on the loss of a batch.

    That is the mean cross-entropy and, by the plan's weight, the mean of the localisation term over
    the batch's lesions. A model's one output is the logit of class 1 against class 0.

    Args:
      plan: of the phase.
      state: before the step; its memory is reused.
      frozen: all other stages.
      batch: with inputs of the plan's first stage.

    Returns:
      The state after the step, and what the batch came to before it.
    """

    def loss(params: Tree) -> tuple[jax.Array, tuple[Sums, Tree]]:
        network = merge(frozen.update(state.variables.replace(params, state.variables.stats)))
        sums = _sums(network, batch, plan)
        _, stats = split(network)
        value = sums.cross_entropy / (batch.labels != ABSENT).sum()
        if plan.look_weight:
            if batch.targets is None:
                raise ValueError("expected targets of the masks: the plan has a localisation term")
            value += plan.look_weight * sums.look / jnp.maximum(sums.lesions, 1)
        return value, (sums, {stage: stats[stage] for stage in state.variables.stats})

    params = state.variables.params
    gradient, (sums, stats) = jax.grad(loss, has_aux=True)(params)
    rates = dict.fromkeys(plan.trainable, 0.0)  # the rates in force are in the state
    adam = optimizer.make(params, rates)
    updates, opt_state = adam.update(gradient, state.opt_state, params)
    params = optax.apply_updates(params, updates)
    after = State(state.variables.replace(params, stats), opt_state)
    return sharding.whole((after, sums))


@partial(jax.jit, static_argnames="plan", donate_argnames="state")
def train_on(
    plan: Plan, state: State, frozen: Model, items: Batch, index: jax.Array
) -> tuple[State, Sums]:
    """`train_step` on the items at `index`, int32 [n], of arrays on the device.

    ABSENT in the index is in the labels, too.
    """
    return train_step(plan, state, frozen, _taken(items, index))


@partial(jax.jit, static_argnames="plan", donate_argnames="state")
def train_steps(
    plan: Plan, state: State, frozen: Model, items: Batch, order: jax.Array
) -> tuple[State, Sums]:
    """One `train_on` after the other in a single call.

    Args:
      order: int32 [steps, n], the items of each step.

    Returns:
      The state after the last step, and what each step came to, [steps].
    """

    def step(state: State, index: jax.Array) -> tuple[State, Sums]:
        return train_on(plan, state, frozen, items, index)

    return jax.lax.scan(step, state, order)


@partial(jax.jit, static_argnames="stages")
def evaluate_step(model: Model, batch: Batch, stages: tuple[str, ...]) -> Sums:
    """What a batch comes to, with stored BatchNorm statistics.

    Args:
      model: whole.
      batch: with inputs of the first of the stages.
      stages: consecutive ones, with the head.
    """
    return sharding.whole(_sums(merge(model), batch, Plan(stages, (), ())))


@partial(jax.jit, static_argnames="stages")
def evaluate_on(model: Model, items: Batch, index: jax.Array, stages: tuple[str, ...]) -> Sums:
    """`evaluate_step` on the items at `index`, int32 [n], of arrays on the device."""
    return evaluate_step(model, _taken(items, index), stages)


@partial(jax.jit, static_argnames="stages")
def evaluate_steps(model: Model, items: Batch, order: jax.Array, stages: tuple[str, ...]) -> Sums:
    """One `evaluate_on` after the other in a single call.

    Args:
      order: int32 [steps, n], the items of each step.
    """
    return jax.lax.map(lambda index: evaluate_on(model, items, index, stages), order)


def _taken(items: Batch, index: jax.Array) -> Batch:
    labels = jnp.where(index == ABSENT, ABSENT, items.labels[index])
    targets, draws = (None if of is None else of[index] for of in (items.targets, items.draws))
    return Batch(items.inputs[index], labels, targets, draws)


def _sums(network: Network, batch: Batch, plan: Plan) -> Sums:
    """What a batch comes to."""

    def head(features: jax.Array) -> jax.Array:
        logits = run(network, features, (HEAD,))[0]
        # Binary cross-entropy is that of the softmax of two logits, of which the first is 0.
        return jnp.pad(logits, ((0, 0), (1, 0))) if logits.shape[-1] == 1 else logits

    images = sharding.divided(batch.inputs)
    if batch.draws is not None:
        images = augmentation.turned(images, sharding.divided(batch.draws))
    features = run(network, rgb(images), plan.stages[:-1], plan.batch_statistics, plan.recomputed)[
        0
    ]
    logits = head(features)
    # An item that is ABSENT has no class, and so no cross-entropy.
    classes = jax.nn.one_hot(batch.labels, logits.shape[-1])
    total = optax.softmax_cross_entropy(logits, classes).sum()
    correct = (logits.argmax(-1) == batch.labels).sum()
    missed, lesions = jnp.zeros(()), jnp.zeros((), int)
    if batch.targets is not None:
        missed, lesions = look.misses(head, features, batch.labels, batch.targets)
    return Sums(total, correct, missed, lesions)
