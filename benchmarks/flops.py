"""A row's floating-point operations, and the rate at which the device multiplies matrices."""

import time
from collections.abc import Callable

import jax
import jax.numpy as jnp

from benchmarks import rows
from benchmarks.measure import Work
from jaxcbis.models import backbones
from jaxcbis.models.backbones import HEAD, Backbone
from jaxcbis.models.inference import Variables, forward
from jaxcbis.training import steps

#: Side of the square matrices: large enough that what surrounds their product does not count.
_SIDE = {"cpu": 4096, "gpu": 8192}
_SECONDS = 2


def of(work: Work, backbone: Backbone) -> float | None:
    """Operations of one repetition, a multiplication and an addition counting as two.

    They are those of our program as JAX hands it to the compiler, whatever becomes of it there. Of
    Grad-CAM they are the logits', as all that comes on top of them is small. None for rows in
    which the two sides do not do the same work.
    """
    inputs = jax.ShapeDtypeStruct((work.batch, *work.shape), jnp.float32)
    if work.row.startswith("train_"):
        labels = jax.ShapeDtypeStruct((work.batch,), jnp.int32)
        lowered = steps.train_step.lower(*rows.start_steps(work, backbone), inputs, labels)
    elif work.row == "forward" or work.row.startswith("gradcam"):
        variables = Variables(backbone.params, backbone.stats)
        stages = (*backbones.stages(backbone.name), HEAD)
        lowered = forward.lower(backbone.graph, variables, inputs, stages)
    else:
        return None
    cost = lowered.cost_analysis()
    return cost["flops"] if cost else None


def matmul_rates(platform: str, against_torch: bool) -> dict[str, float]:
    """Operations a second in a large product of matrices, in the precision of the rows.

    Args:
      platform: 'cpu' or 'gpu'.
      against_torch: whether PyTorch multiplies too.

    Returns:
      {'jax': .., 'torch': ..}, or without 'torch'.
    """
    side = _SIDE[platform]
    dtype = "float32" if platform == "cpu" else "bfloat16"
    a = jax.random.normal(jax.random.key(0), (side, side), dtype)
    product = jax.jit(jnp.matmul)
    rates = {"jax": _rate(side, lambda: jax.block_until_ready(product(a, a)))}
    if against_torch:
        import torch

        where = "cpu" if platform == "cpu" else "cuda"
        b = torch.randn(side, side, dtype=getattr(torch, dtype), device=where)

        def multiply() -> None:
            b @ b
            if platform == "gpu":
                torch.cuda.synchronize()

        rates["torch"] = _rate(side, multiply)
    return rates


def _rate(side: int, multiply: Callable[[], object]) -> float:
    """The best of the products that begin within the time, after one that does not count."""
    multiply()
    best = float("inf")
    end = time.perf_counter() + _SECONDS
    while (began := time.perf_counter()) < end:
        multiply()
        best = min(best, time.perf_counter() - began)
    return 2 * side**3 / best
