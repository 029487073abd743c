"""How long a run will roughly take, told before it starts.

Counted, not measured: the operations that XLA is given, at the rate that a product of matrices
reaches here. Convolutions came to 0.6 to 0.9 of that rate on CPUs.
"""

import time
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxcbis.models.inference import BATCH, forward
from jaxcbis.models.model import HEAD, POOL, Model
from jaxcbis.training import kept_activations
from jaxcbis.training.strategies import Phase

#: A stage's forward pass, its gradient by the input and its gradient by the weights cost the same.
_TRAINING = 3
#: Side of the product: 17 GFLOP, a tenth of a second on two cores.
_SIDE = 2048


def seconds(
    model: Model,
    phases: Sequence[Phase],
    counts: dict[str, int],
    size: int,
    epochs: Sequence[int],
) -> list[float]:
    """Seconds that a run computes for, without compiling, preparing data and writing.

    Args:
      model: with its weights.
      phases: of the run.
      counts: patches of 'train', 'validation' and 'test'.
      size: of a patch's side in pixels.
      epochs: of every phase; one answer for each number.
    """
    per_stage = _operations(model, size)
    whole = sum(per_stage.values())
    once = 2 * whole * counts["test"]  # its probabilities, its maps
    per_epoch = 0.0
    for phase in phases:
        first = next(iter(phase.learning_rates))
        kept = sum(per_stage[stage] for stage in kept_activations.in_front(model.stages, first))
        once += kept * (counts["train"] + counts["validation"])
        per_epoch += (whole - kept) * (_TRAINING * counts["train"] + counts["validation"])
    rate = _rate()
    return [(once + number * per_epoch) / rate for number in epochs]


def _operations(model: Model, size: int) -> dict[str, float]:
    """Floating-point operations of each stage for one patch."""
    # Of a whole batch, because what is done once for all of it hardly counts.
    shape = jax.ShapeDtypeStruct((BATCH, size, size, 1), jnp.float32)
    found = {}
    for stage in (*model.stages, POOL, HEAD):
        lowered = forward.lower(model, shape, (stage,))
        found[stage] = (lowered.cost_analysis() or {}).get("flops", 0.0) / BATCH
        shape = lowered.out_info
    return found


def _rate() -> float:
    """Operations a second in a product of matrices: the best of three."""
    a = jnp.ones((_SIDE, _SIDE))
    product = jax.jit(jnp.matmul)
    jax.block_until_ready(product(a, a))
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        jax.block_until_ready(product(a, a))
        best = min(best, time.perf_counter() - began)
    return 2 * _SIDE**3 / best
