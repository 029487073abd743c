"""The package's own jitted functions with the arguments of a real run, by shape alone."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from benchmarks.speed.rows import RATES
from jaxcbis.evaluation import activation_maps
from jaxcbis.labels import LABELS
from jaxcbis.models import backbones
from jaxcbis.models.inference import BATCH, forward
from jaxcbis.models.model import HEAD, Model
from jaxcbis.training import kept_activations, steps, strategies
from jaxcbis.training.batches import Batch

SIZE = 224
TRAINING_BATCH = 16
ITEMS = 2048
MODELS = ("resnet50", "vgg19")
TYPES = ("bfloat16", "float32")


class Call(NamedTuple):
    """A call of a jitted function.

    Attributes:
      function: of `jax.jit`.
      arguments: by name: static ones, and trees of shapes.
    """

    function: Any
    arguments: dict[str, Any]


def load(model: str, dtype: str) -> Model:
    return backbones.blank(model, {}, num_classes=len(LABELS), dtype=jnp.dtype(dtype))


def forward_pass(backbone: Model) -> Call:
    return _forward(backbone, (*backbone.stages, HEAD))


def kept_half(backbone: Model) -> Call:
    return _forward(backbone, backbone.frozen)


def maps(backbone: Model) -> Call:
    model = {"model": backbone, "batch": _images(BATCH)}
    stages = {"front": backbone.stages, "behind": (HEAD,)}
    return Call(activation_maps._maps, model | stages | {"labels": None, "method": "gradcam"})


def step(backbone: Model, strategy: str = "s2") -> Call:
    """A step on a batch."""
    training = _training(backbone, strategy, TRAINING_BATCH)
    return Call(steps.train_step, {"batch": training.pop("items")} | training)


def epoch(backbone: Model, strategy: str = "s2") -> Call:
    """All steps of an epoch of a strategy's first phase."""
    training = _training(backbone, strategy, ITEMS)
    order = _ints(ITEMS // TRAINING_BATCH, TRAINING_BATCH)
    return Call(steps.train_steps, training | {"order": order})


def validation(backbone: Model) -> Call:
    """All of a split's batches, behind the kept half."""
    training = _training(backbone, "s2", ITEMS)
    kept, order = {"items": training["items"]}, _ints(ITEMS // BATCH, BATCH)
    model = {"model": backbone}
    stages = {"stages": training["plan"].stages}
    return Call(steps.evaluate_steps, model | kept | stages | {"order": order})


PROGRAMS: dict[str, Callable[[Model], Call]] = {
    "step": step,
    "epoch": epoch,
    "head epoch": partial(epoch, strategy="s1"),
    "validation": validation,
    "forward": forward_pass,
    "maps": maps,
    "kept half": kept_half,
}


def _training(backbone: Model, strategy: str, items: int) -> dict[str, Any]:
    """What every training function takes, for the first phase of a strategy behind the prefix."""
    learning = [s for s in backbone.stages if s not in backbone.frozen]
    phase = strategies.phases(strategy, learning, **RATES)[0]
    plan = steps.plan(backbone, phase, "frozen")
    entering = _forward(backbone, kept_activations.in_front(backbone.stages, plan.stages[0]))
    kept = jax.eval_shape(partial(entering.function, **entering.arguments))
    return {
        "plan": plan,
        "state": jax.eval_shape(partial(steps.start, phase.learning_rates), backbone),
        "frozen": backbone.select(s for s in backbone.params if s not in plan.trainable),
        "items": Batch(jax.ShapeDtypeStruct((items, *kept.shape[1:]), kept.dtype), _ints(items)),
    }


def _forward(backbone: Model, stages: tuple[str, ...]) -> Call:
    return Call(forward, {"model": backbone, "inputs": _images(BATCH), "stages": stages})


def _images(count: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((count, SIZE, SIZE, 1), jnp.float32)


def _ints(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.int32)
