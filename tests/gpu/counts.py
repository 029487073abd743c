"""Kernels and memory of every program on an H100: `python -m tests.gpu.counts` prints a table.

Patterns choose some: `python -m tests.gpu.counts "vgg19 * epoch"`. It needs no GPU.
"""

import argparse
import fnmatch
import itertools
import json
import math
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
from tabulate import tabulate

from tests.gpu import hlo, little, programs
from tests.gpu.target import compile_for


class Counts(NamedTuple):
    """What a call comes to; of one with a loop, a turn of the loop. Memory is in MiB.

    Attributes:
      kernels: all that the GPU starts.
      convolutions: those by cuDNN.
      moves: those that only copy or transpose convolutions' kernels.
      fused_moves: those that do it beside something else.
      scatters: those that add up where an index tells, but for small ones of classes.
      around: kernels before and after the loop.
      temporary, arguments: memory that is taken.
      state: memory of the arguments that change.
      aliased: memory of the arguments that results take over.
    """

    kernels: int
    convolutions: int
    moves: int
    fused_moves: int
    scatters: int
    around: int
    temporary: float
    arguments: float
    state: float
    aliased: float


def count(compiled: jax.stages.Compiled, weights: Collection[hlo.Size], changing: Any) -> Counts:
    """Counts what was compiled.

    Args:
      compiled: for a GPU.
      weights: of the convolutions.
      changing: tree of the arguments that are given back changed.
    """
    program, memory = hlo.Program(compiled.as_text()), compiled.memory_analysis()
    loop = max(program.loops(), key=len, default=[])
    kernels = loop or program.entry()
    moving = [kernel.only_moves() for kernel in kernels if kernel.moved() & set(weights)]
    state = sum(math.prod(x.shape) * x.dtype.itemsize for x in jax.tree.leaves(changing))
    return Counts(
        kernels=len(kernels),
        convolutions=sum(kernel.target.startswith("__cudnn$conv") for kernel in kernels),
        moves=moving.count(True),
        fused_moves=moving.count(False),
        scatters=sum(kernel.scatters_pixels() for kernel in kernels),
        around=len(program.entry()) if loop else 0,
        temporary=memory.temp_size_in_bytes / 2**20,
        arguments=memory.argument_size_in_bytes / 2**20,
        state=state / 2**20,
        aliased=memory.alias_size_in_bytes / 2**20,
    )


def compiled() -> dict[str, Callable[[], tuple[Counts, str]]]:
    """By name, what compiles a program, and gives its counts and its text."""

    def of(model: str, dtype: str, program: str) -> tuple[Counts, str]:
        backbone = programs.load(model, dtype)
        weights = [x.shape for x in jax.tree.leaves(backbone.params) if x.ndim == 4]
        return _compiled(*programs.PROGRAMS[program](backbone), weights)

    real = itertools.product(programs.MODELS, programs.TYPES, programs.PROGRAMS)
    return {" ".join(words): partial(of, *words) for words in real} | {
        f"little {name}": partial(_compiled, *call, [little.WEIGHTS])
        for name, call in little.PROGRAMS.items()
    }


def _compiled(function: Any, arguments: dict[str, Any], weights: Collection[Sequence[int]]):
    found = compile_for("h100", function, **arguments)
    sizes = {hlo.size_of(shape) for shape in weights}
    return count(found, sizes, arguments.get("state")), found.as_text()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("patterns", nargs="*", default=["resnet*", "vgg*"], help="of programs")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--texts", type=Path, help="folder to write the compiled programs to")
    given = parser.parse_args()

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_compilation_cache", False)  # it cannot read these programs back
    found: dict[str, Counts] = {}
    for name, of in compiled().items():
        if any(fnmatch.fnmatch(name, pattern) for pattern in given.patterns):
            found[name], text = of()
            if given.texts:
                given.texts.mkdir(parents=True, exist_ok=True)
                (given.texts / f"{name.replace(' ', '-')}.txt").write_text(text)
    if given.json:
        print(json.dumps({name: counts._asdict() for name, counts in found.items()}))
    else:
        rows = [(name, *counts) for name, counts in found.items()]
        print(tabulate(rows, ("program", *Counts._fields), floatfmt=".0f"))


if __name__ == "__main__":
    main()
