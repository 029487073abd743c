"""Compiling for an H100 without one: nothing can be run or timed, but what comes out can be read.

That takes JAX's plugin for CUDA with its compiler's parts, of JAX's own version.
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

_H100 = Path(__file__).with_name("h100.txtpb")


def missing() -> str | None:
    """Why nothing can be compiled for an H100 here; None where it can."""
    if any(find_spec(f"jax_cuda{version}_plugin") for version in (12, 13)):
        return None
    return "JAX's plugin for CUDA is not installed; jax[cuda13] brings it"


def compile_for_h100(function: Any, **arguments: Any) -> jax.stages.Compiled:
    """Compiles a jitted function.

    Args:
      function: of `jax.jit`.
      arguments: what it takes; of arrays only shapes and types count.
    """

    def there(x: Any) -> Any:
        if not hasattr(x, "shape"):  # a static argument
            return x
        return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=_on_the_card())

    lowered = function.lower(**jax.tree.map(there, arguments))
    return lowered.compile(compiler_options=_OPTIONS)


@cache
def _on_the_card() -> NamedSharding:
    card = topologies.get_topology_desc(
        platform="cuda", target_config=_H100.read_text(), topology="1x1x1"
    )
    return NamedSharding(topologies.make_mesh(card, (1,), ("device",)), PartitionSpec())
