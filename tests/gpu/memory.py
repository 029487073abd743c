"""Memory that training takes on a T4, reckoned: `python -m tests.gpu.memory` prints a table.

It is what XLA's compiler lays out for the programs of `--strategy s2` in float32; what cuDNN takes
to work in comes on top. It needs no GPU.
"""

import jax
from tabulate import tabulate

from jaxcbis.designs import BACKBONES
from tests.gpu import programs
from tests.gpu.target import compile_for

#: What a run calls, largest memory first to last.
CALLS = {"step": programs.step, "maps": programs.maps, "kept half": programs.kept_half}


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
    for name in BACKBONES:
        backbone = programs.load(name, "float32")
        row: list = [name]
        for call in CALLS.values():
            function, arguments = call(backbone)
            row.append(taken(compile_for("t4", function, **arguments)) / 2**20)
        kept = programs.step(backbone).arguments["batch"].images
        row.append(kept.size * kept.dtype.itemsize / kept.shape[0] / 2**20)
        rows.append(row)
        print(row, flush=True)
    print(tabulate(rows, ("backbone", *CALLS, "kept, of a patch"), floatfmt=".1f"))


if __name__ == "__main__":
    main()
