"""Steps of training and validation, pure and compiled.

Each on one batch, on items of arrays on the device, or many of them in one call.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxcbis.machine import sharding
from jaxcbis.models.inference import apply, rgb
from jaxcbis.models.model import HEAD, Model, Tree, merge, run, split
from jaxcbis.training import optimizer
from jaxcbis.training.batches import ABSENT
from jaxcbis.training.strategies import Phase


class Plan(NamedTuple):
    """What a phase's step does; hashable, so that it is compiled once per plan.

    Attributes:
      stages: those the step runs, in order and with the head. Its inputs are the first one's.
      trainable: those that learn.
      batch_statistics: those whose BatchNorm normalises by the batch.
    """

    stages: tuple[str, ...]
    trainable: tuple[str, ...]
    batch_statistics: tuple[str, ...]


class State(NamedTuple):
    """What training changes: the trainable stages of the model, and what the optimizer keeps."""

    variables: Model
    opt_state: optax.OptState


def plan(model: Model, phase: Phase, batch_norm: str) -> Plan:
    """What the steps of a phase do.

    Args:
      model: whole.
      phase: of the model's strategy.
      batch_norm: 'train' or 'frozen', the option.
    """
    stages = (*model.stages, HEAD)
    trainable = tuple(phase.learning_rates)
    behind = stages[stages.index(trainable[0]) :]
    normalizing = tuple(stage for stage in trainable if model.stats.get(stage))
    return Plan(behind, trainable, normalizing if batch_norm == "train" else ())


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
def train_step(
    plan: Plan, state: State, frozen: Model, inputs: jax.Array, labels: jax.Array
) -> tuple[State, jax.Array, jax.Array]:
    """Takes one step of Adam on the mean cross-entropy of a batch.

    Args:
      plan: of the phase.
      state: before the step; its memory is reused.
      frozen: all other stages.
      inputs: [n, height, width, channels], of the plan's first stage.
      labels: int32 [n]; ABSENT for an item that counts for nothing, except in batch statistics.

    Returns:
      The state after the step, the batch's mean loss, and how many it classified correctly.
    """

    def loss(params: Tree) -> tuple[jax.Array, tuple[jax.Array, Tree]]:
        network = merge(frozen.update(state.variables.replace(params, state.variables.stats)))
        images = rgb(sharding.divided(inputs))
        logits, _ = run(network, images, plan.stages, plan.batch_statistics)
        _, stats = split(network)
        mean = _cross_entropies(logits, labels).sum() / (labels != ABSENT).sum()
        return mean, (logits, {stage: stats[stage] for stage in state.variables.stats})

    params = state.variables.params
    (value, (logits, stats)), gradient = jax.value_and_grad(loss, has_aux=True)(params)
    rates = dict.fromkeys(plan.trainable, 0.0)  # the rates in force are in the state
    adam = optimizer.make(params, rates)
    updates, opt_state = adam.update(gradient, state.opt_state, params)
    params = optax.apply_updates(params, updates)
    correct = (logits.argmax(-1) == labels).sum()
    after = State(state.variables.replace(params, stats), opt_state)
    return sharding.whole((after, value, correct))


@partial(jax.jit, static_argnames="plan", donate_argnames="state")
def train_on(
    plan: Plan,
    state: State,
    frozen: Model,
    inputs: jax.Array,
    labels: jax.Array,
    index: jax.Array,
) -> tuple[State, jax.Array, jax.Array]:
    """`train_step` on the items at `index`, int32 [n], of inputs and labels on the device.

    ABSENT in the index is in the labels, too.
    """
    return train_step(plan, state, frozen, *_items(inputs, labels, index))


@partial(jax.jit, static_argnames="plan", donate_argnames="state")
def train_steps(
    plan: Plan,
    state: State,
    frozen: Model,
    inputs: jax.Array,
    labels: jax.Array,
    order: jax.Array,
) -> tuple[State, jax.Array, jax.Array]:
    """One `train_on` after the other in a single call.

    Args:
      order: int32 [steps, n], the items of each step.

    Returns:
      The state after the last step, and of every step the loss and the number classified correctly.
    """

    def step(state: State, index: jax.Array) -> tuple[State, tuple[jax.Array, jax.Array]]:
        state, *told = train_on(plan, state, frozen, inputs, labels, index)
        return state, tuple(told)

    state, (losses, correct) = jax.lax.scan(step, state, order)
    return state, losses, correct


@partial(jax.jit, static_argnames="stages")
def evaluate_step(
    model: Model,
    inputs: jax.Array,
    labels: jax.Array,
    stages: tuple[str, ...],
) -> tuple[jax.Array, jax.Array]:
    """The sum of a batch's cross-entropies, and how many it classified correctly.

    With stored BatchNorm statistics.

    Args:
      model: whole.
      inputs: [n, height, width, channels], of the first of the stages.
      labels: int32 [n]; ABSENT for an item that counts for nothing.
      stages: consecutive ones, with the head.
    """
    logits = apply(model, sharding.divided(inputs), stages)
    total = _cross_entropies(logits, labels).sum()
    return sharding.whole((total, (logits.argmax(-1) == labels).sum()))


@partial(jax.jit, static_argnames="stages")
def evaluate_on(
    model: Model,
    inputs: jax.Array,
    labels: jax.Array,
    index: jax.Array,
    stages: tuple[str, ...],
) -> tuple[jax.Array, jax.Array]:
    """`evaluate_step` on the items at `index`, int32 [n], of inputs and labels on the device."""
    return evaluate_step(model, *_items(inputs, labels, index), stages)


@partial(jax.jit, static_argnames="stages")
def evaluate_steps(
    model: Model,
    inputs: jax.Array,
    labels: jax.Array,
    order: jax.Array,
    stages: tuple[str, ...],
) -> tuple[jax.Array, jax.Array]:
    """One `evaluate_on` after the other in a single call; both results [steps].

    Args:
      order: int32 [steps, n], the items of each step.
    """
    return jax.lax.map(lambda index: evaluate_on(model, inputs, labels, index, stages), order)


def _items(inputs: jax.Array, labels: jax.Array, index: jax.Array) -> tuple[jax.Array, jax.Array]:
    return inputs[index], jnp.where(index == ABSENT, ABSENT, labels[index])


def _cross_entropies(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Of each item [n]; 0 where it is ABSENT, which is no class."""
    return optax.softmax_cross_entropy(logits, jax.nn.one_hot(labels, logits.shape[-1]))
