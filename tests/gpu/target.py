"""Compiling for a GPU without one: nothing can be run or timed, but what comes out can be read.

That takes jax-cuda13-plugin and jax-cuda13-pjrt of JAX's own version, nvidia-cuda-nvcc and
nvidia-nvvm; jax[cuda13] brings them with all that a GPU needs besides.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax
from jax.experimental import topologies
from jax.sharding import NamedSharding, PartitionSpec

#: Candidates for a kernel would be timed on the card, and Triton's products have no others.
_OPTIONS = {"xla_gpu_autotune_level": 0, "xla_gpu_enable_triton_gemm": False}

CARDS = ("h100", "t4")


def missing() -> str | None:
    """Why nothing can be compiled for a GPU here; None where it can."""
    if any(find_spec(f"jax_cuda{version}_plugin") for version in (12, 13)):
        return None
    return "JAX's plugin for CUDA is not installed; jax[cuda13] brings it"


def compile_for(card: str, function: Any, **arguments: Any) -> jax.stages.Compiled:
    """Compiles a jitted function.

    Args:
      card: one of CARDS.
      function: of `jax.jit`.
      arguments: what it takes; of arrays only shapes and types count.
    """

    def there(x: Any) -> Any:
        if not hasattr(x, "shape"):  # a static argument
            return x
        return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=_on_the(card))

    lowered = function.lower(**jax.tree.map(there, arguments))
    return lowered.compile(compiler_options=_OPTIONS)


@cache
def _on_the(card: str) -> NamedSharding:
    known = Path(__file__).with_name(f"{card}.txtpb").read_text()
    there = topologies.get_topology_desc(platform="cuda", target_config=known, topology="1x1x1")
    return NamedSharding(topologies.make_mesh(there, (1,), ("device",)), PartitionSpec())
