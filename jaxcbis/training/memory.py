"""Memory that a training step takes, reckoned before the run by the compiler that will run it."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxcbis.models.inference import forward
from jaxcbis.models.model import Model
from jaxcbis.training import fit, optimizer, steps
from jaxcbis.training.batches import Batch
from jaxcbis.training.phase import planned
from jaxcbis.training.steps import State
from jaxcbis.training.strategies import Phase, Recipe


def of_step(model: Model, recipe: Recipe, phase: Phase, shape: tuple[int, int], dtype: Any) -> int:
    """Bytes on a device while it takes one step: what is given, what comes out, what is between.

    It compiles the step, which takes as long as the first step of the phase. Activations that are
    kept, and what libraries of the device take to work in, come on top.

    Args:
      model: whole; of its arrays only shapes count.
      recipe, phase: how, and the one of its phases.
      shape: height and width of the images.
      dtype: of the images.
    """
    given = arguments(model, recipe, phase, shape, dtype)
    return taken(steps.train_step.lower(**given).compile())


def arguments(
    model: Model, recipe: Recipe, phase: Phase, shape: tuple[int, int], dtype: Any
) -> dict[str, Any]:
    """What `steps.train_step` takes, by name: shapes in the place of arrays; as of `of_step`."""
    model = jax.eval_shape(lambda: jax.tree.map(jnp.asarray, model))
    plan = planned(recipe, phase, model)
    learning = model.select(plan.trainable)
    adam = optimizer.make(learning.params, phase.learning_rates)
    state = State(learning, jax.eval_shape(adam.init, learning.params))
    frozen = model.select({*model.params, *model.stats} - set(plan.trainable))
    count = recipe.batch_size
    images = jax.ShapeDtypeStruct((count, *shape, 1), dtype)
    front = fit.in_front(model, phase, recipe)
    inputs = jax.eval_shape(lambda x: forward(model, x, front), images) if front else images
    labels = jax.ShapeDtypeStruct((count,), jnp.int32)
    draws = jax.ShapeDtypeStruct((count, 3), jnp.float32) if recipe.augment else None
    batch = Batch(inputs, labels, None, draws)
    return {"plan": plan, "state": state, "frozen": frozen, "batch": batch}


def taken(compiled: jax.stages.Compiled) -> int:
    """Bytes of a compiled program; results that reuse an argument's memory count once."""
    of: Any = compiled.memory_analysis()
    return (
        of.argument_size_in_bytes + of.temp_size_in_bytes
        + of.output_size_in_bytes - of.alias_size_in_bytes
    )  # fmt: skip
