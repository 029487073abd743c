"""Memory that training takes on a T4, reckoned: `python -m tests.gpu.memory` prints a table.

Names of backbones behind it choose some. It is what XLA's compiler lays out for programs of
`--strategy s2` in float32; what cuDNN takes to work in comes on top. It needs no GPU.
"""

import math
import sys

import jax
from tabulate import tabulate

from jaxcbis.designs import BACKBONES
from tests.gpu import programs
from tests.gpu.target import compile_for

#: What takes most: a step behind the kept half, and the maps of the test patches.
CALLS = {"step": programs.step, "maps": programs.maps}


def taken(compiled: jax.stages.Compiled) -> int:
    """Bytes on the card while a program runs: what it is given, what it gives, what is between."""
    of = compiled.memory_analysis()
    return (
        of.argument_size_in_bytes + of.temp_size_in_bytes
        + of.output_size_in_bytes - of.alias_size_in_bytes
    )  # fmt: skip


def main() -> None:
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_compilation_cache", False)  # it cannot read these programs back
    rows = []
    for name in sys.argv[1:] or BACKBONES:
        backbone = programs.load(name, "float32")
        calls = {what: of(backbone) for what, of in CALLS.items()}
        kept = calls["step"].arguments["batch"].inputs
        row = [math.prod(kept.shape[1:]) * kept.dtype.itemsize]
        row += [
            taken(compile_for("t4", call.function, **call.arguments)) for call in calls.values()
        ]
        rows.append((name, *(size / 2**20 for size in row)))
    print(tabulate(rows, ("MiB", "kept of a patch", *CALLS), floatfmt=".1f"))


if __name__ == "__main__":
    main()
