"""python -m benchmarks kept: bytes that a training keeps of every image, by model, stage and size.

While a phase trains, the outputs of the stages in front of the first trainable one are kept. They
decide how many images a machine holds.
"""

import argparse
import math
from collections.abc import Iterator

import jax
import numpy as np

from benchmarks.arguments import check
from jaxcbis.commands.words import Parser
from jaxcbis.designs import BACKBONES
from jaxcbis.models import backbones
from jaxcbis.models.inference import forward
from jaxcbis.models.model import HEAD, Model
from jaxcbis.training import kept_activations


def main(arguments: list[str]) -> None:
    """Prints a table in Markdown.

    Raises:
      UserError: bad usage.
    """
    options = _parser().parse_args(arguments)
    check(options, {"sizes": 32, "gib": 1})
    print(f"| model | first trainable | {' | '.join(f'{size} px' for size in options.sizes)} |")
    print("|---" * (2 + len(options.sizes)) + "|")
    for name in BACKBONES:
        for first, sizes in rows(backbones.blank(name, {}), options.sizes):
            cells = " | ".join(
                f"{size / 1e6:,.3g} MB, {int(options.gib * 2**30 / size):,}" for size in sizes
            )
            print(f"| {name} | {first} | {cells} |")


def rows(model: Model, sizes: list[int]) -> Iterator[tuple[str, list[int]]]:
    """Bytes per image by the first trainable stage.

    Args:
      model: whole.
      sizes: sides of an image in pixels.

    Yields:
      (stage or head, bytes at each of the sizes).
    """
    for first in (*model.stages, HEAD):
        if first in model.frozen:
            continue
        stages = kept_activations.in_front(model.stages, first)
        kept = [
            jax.eval_shape(
                lambda image, stages=stages: forward(model, image, stages),
                jax.ShapeDtypeStruct((1, size, size, 1), np.float32),
            )
            for size in sizes
        ]
        yield first, [math.prod(item.shape) * item.dtype.itemsize for item in kept]


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="benchmarks kept",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--sizes", type=int, nargs="+", default=[64, 224, 448], metavar="N", help="in pixels")
    add("--gib", type=float, default=12, metavar="X", help="for how many images of each size")
    parser.set_defaults(output=None)
    return parser
