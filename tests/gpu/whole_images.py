"""Memory that training on whole images takes on an H100: `python -m tests.gpu.whole_images`.

It is what XLA's compiler lays out for a step on two views of 1152 x 896 with augmentation, of the
top alone and of all behind the frozen half, with gradient checkpointing and without. What cuDNN
takes to work in comes on top. Names of backbones choose some. It needs no GPU.
"""

import json
import sys
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from benchmarks.speed.rows import RATES
from jaxcbis.designs import BACKBONES
from jaxcbis.models import whole_image
from jaxcbis.training import memory, steps, strategies
from jaxcbis.training.strategies import Recipe
from tests.gpu.target import compile_for

SHAPE = (1152, 896)
BATCH = 2


class Taken(NamedTuple):
    """GiB of a step.

    Attributes:
      backbone, precision, checkpoint: of the run.
      top: a step of the top alone.
      step: one of all behind the frozen half.
    """

    backbone: str
    precision: str
    checkpoint: bool
    top: float
    step: float


def reckon(backbone: str, precision: str, checkpoint: bool) -> Taken:
    """Compiles both steps of a whole-image classifier with the top that it has by default."""
    model, recipe = problem(backbone, precision, checkpoint)
    sizes = []
    for phase in recipe.phases:
        given = memory.arguments(model, recipe, phase, SHAPE, jnp.uint8)
        compiled = compile_for("h100", steps.train_step, **given)
        sizes.append(memory.taken(compiled) / 2**30)
    return Taken(backbone, precision, checkpoint, *sizes)


def problem(backbone: str, precision: str, checkpoint: bool) -> tuple[Any, Recipe]:
    """A classifier of shapes, and how it is trained."""
    design = BACKBONES[backbone]
    top = "vgg" if backbone.startswith("vgg") else "residual"
    options = {"patch": {}, "classes": 5, "top": top, "blocks": 2, "top_input": "features"}
    model = whole_image.blank(backbone, options, dtype=jnp.dtype(precision))
    phases = strategies.whole_image_phases(
        [stage for stage in design.stages if stage not in design.frozen], "features",
        top_lr=RATES["head_lr"], backbone_lr=RATES["backbone_lr"], lr_decay=RATES["lr_decay"],
    )  # fmt: skip
    recipe = Recipe(phases, BATCH, 1, 1, 0.0, "frozen", seed=0, augment=True, checkpoint=checkpoint)
    return model, recipe


def main() -> None:
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_compilation_cache", False)  # it cannot read these programs back
    for row in _rows(sys.argv[1:] or list(BACKBONES)):
        print(json.dumps(row._asdict()), flush=True)


def _rows(backbones: list[str]) -> Iterator[Taken]:
    for words in product(backbones, ("float32", "bfloat16"), (True, False)):
        yield reckon(*words)


if __name__ == "__main__":
    main()
