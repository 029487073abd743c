"""Training steps, pure and compiled: one batch, items of arrays on the device, or many steps."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxcbis import sharding
from jaxcbis.models import backbones
from jaxcbis.models.backbones import Graph
from jaxcbis.models.inference import Tree, Variables, rgb
from jaxcbis.training import optimizer


class Plan(NamedTuple):
    """What a phase's step does; hashable, so that it is compiled once per plan.

    Attributes:
      graph: of the backbone.
      stages: those the step runs, in order and with the head. Its inputs are the first one's.
      trainable: those that learn.
      batch_statistics: those whose BatchNorm normalises by the batch.
    """

    graph: Graph
    stages: tuple[str, ...]
    trainable: tuple[str, ...]
    batch_statistics: tuple[str, ...]


class State(NamedTuple):
    """What training changes: the variables of the trainable stages, and the optimizer's."""

    variables: Variables
    opt_state: optax.OptState


def start(learning_rates: dict[str, float], variables: Variables) -> State:
    """The state before the first step, with arrays of its own.

    Args:
      learning_rates: by trainable stage.
      variables: of at least the trainable stages.
    """
    own = jax.tree.map(jnp.array, variables.select(learning_rates))
    adam = optimizer.make(own.params, learning_rates)
    return sharding.on_all(State(own, adam.init(own.params)))


@partial(jax.jit, static_argnames="plan", donate_argnames="state")
def train_step(
    plan: Plan, state: State, frozen: Variables, inputs: jax.Array, labels: jax.Array
) -> tuple[State, jax.Array, jax.Array]:
    """Takes one step of Adam on the mean cross-entropy of a batch.

    Args:
      plan: of the phase.
      state: before the step; its memory is reused.
      frozen: variables of all other stages.
      inputs: [n, height, width, channels], of the plan's first stage.
      labels: int32 [n].

    Returns:
      The state after the step, the batch's mean loss, and how many it classified correctly.
    """

    def loss(params: Tree) -> tuple[jax.Array, tuple[jax.Array, Tree]]:
        variables = frozen.update(Variables(params, state.variables.stats))
        module = backbones.merge(plan.graph, *variables)
        images = rgb(sharding.divided(inputs))
        logits, _ = backbones.run(module, images, plan.stages, plan.batch_statistics)
        _, stats = backbones.split(module)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return losses.mean(), (logits, {stage: stats[stage] for stage in state.variables.stats})

    params = state.variables.params
    (value, (logits, stats)), gradient = jax.value_and_grad(loss, has_aux=True)(params)
    rates = dict.fromkeys(plan.trainable, 0.0)  # the rates in force are in the state
    adam = optimizer.make(params, rates)
    updates, opt_state = adam.update(gradient, state.opt_state, params)
    params = optax.apply_updates(params, updates)
    correct = (logits.argmax(-1) == labels).sum()
    return sharding.whole((State(Variables(params, stats), opt_state), value, correct))


@partial(jax.jit, static_argnames="plan", donate_argnames="state")
def train_on(
    plan: Plan,
    state: State,
    frozen: Variables,
    inputs: jax.Array,
    labels: jax.Array,
    index: jax.Array,
) -> tuple[State, jax.Array, jax.Array]:
    """`train_step` on the items at `index`, int32 [n], of inputs and labels on the device."""
    return train_step(plan, state, frozen, inputs[index], labels[index])


@partial(jax.jit, static_argnames="plan", donate_argnames="state")
def train_steps(
    plan: Plan,
    state: State,
    frozen: Variables,
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
        state, *told = train_step(plan, state, frozen, inputs[index], labels[index])
        return state, tuple(told)

    state, (losses, correct) = jax.lax.scan(step, state, order)
    return state, losses, correct
