"""A row's floating-point operations, and the rate at which the device multiplies matrices."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.measure import Work
from benchmarks.speed import rows, tasks
from jaxcbis.models.inference import forward
from jaxcbis.models.model import HEAD, Model
from jaxcbis.training import kept_activations, steps
from jaxcbis.training.batches import Batch

#: Side of the square matrices: large enough that what surrounds their product does not count.
_SIDE = {"cpu": 4096, "gpu": 8192}
#: For products of one kind; a GPU does hundreds in it.
_SECONDS = {"cpu": 2, "gpu": 0.3}


def of(work: Work, backbone: Model) -> float | None:
    """Operations of one repetition, a multiplication and an addition counting as two.

    They are those of our program as JAX hands it to the compiler, whatever becomes of it there. Of
    Grad-CAM they are the logits', and of a step with the localisation term those of one without it,
    as all that comes on top of them is small. None for rows in which the two sides do not do the
    same work, and where nothing can be counted.
    """
    if not countable():
        return None
    if work.row.startswith("train_"):
        count = _of_step(work, backbone)
    elif work.row == "forward" or work.row.startswith("gradcam"):
        stages = (*backbone.stages, HEAD)
        count = _of_stages(work, backbone, work.shape, stages)
    else:
        return None
    return count * work.steps


def bound_of_run(work: Work, backbone: Model) -> float | None:
    """How many times the operations of our run the peer's epochs take: the best possible ratio.

    The peer trains and validates from images. Ours runs the half that is frozen in all phases
    once, each phase's other frozen stages once a phase, and then only what stands behind them, with
    one validation more, of the model that a phase starts with.

    Args:
      work: of s1_run.
      backbone: of the model.

    Returns:
      The ratio; None where nothing can be counted.
    """
    if not countable():
        return None
    stages = (*backbone.stages, HEAD)
    train = work.images
    validation = max(train // 2, work.batch)
    half = min(
        (kept_activations.in_front(backbone.stages, next(iter(p))) for p in work.phases), key=len
    )
    half_shape = rows.entering(backbone, stages[len(half)], work.size).shape[1:]

    def of_images(count: int, shape: tuple[int, ...], through: tuple[str, ...]) -> float:
        if not through:
            return 0.0
        return _of_stages(work, backbone, shape, through) * count / work.batch

    def of_training(first: str, shape: tuple[int, ...], rates: dict[str, float]) -> float:
        step = work._replace(row="train_", first=first, shape=shape, phases=(rates,))
        return _of_step(step, backbone) * train / work.batch

    ours, peer = of_images(train + validation, work.shape, half), 0.0
    for rates in work.phases:
        first = next(iter(rates))
        at = stages.index(first)
        shape = rows.entering(backbone, first, work.size).shape[1:]
        validating = of_images(validation, shape, stages[at:])
        ours += of_images(train + validation, half_shape, stages[len(half) : at]) + validating
        ours += work.epochs * (of_training(first, shape, rates) + validating)
        whole = of_training(stages[0], work.shape, rates)
        peer += work.epochs * (whole + of_images(validation, work.shape, stages))
    return peer / ours


def _of_step(work: Work, backbone: Model) -> float:
    """Operations of one training step on one batch."""
    inputs = jax.ShapeDtypeStruct((work.batch, *work.shape), jnp.float32)
    labels = jax.ShapeDtypeStruct((work.batch,), jnp.int32)
    plan, *variables = tasks.start_steps(work._replace(row="train_"), backbone)
    return _flops(steps.train_step, plan, *_shapes(variables), Batch(inputs, labels))


def _of_stages(
    work: Work, backbone: Model, shape: tuple[int, ...], stages: tuple[str, ...]
) -> float:
    """Operations of running stages on one batch of inputs of a shape."""
    inputs = jax.ShapeDtypeStruct((work.batch, *shape), jnp.float32)
    return _flops(forward, _shapes(backbone), inputs, stages)


def countable() -> bool:
    """Whether JAX has a CPU in this process, beside a GPU too, and counts for it."""
    try:
        _flops(jax.jit(jnp.add), 1.0, 1.0)
    except _Uncountable:
        return False
    return True


class _Uncountable(Exception):
    pass


def _shapes(tree: Any) -> Any:
    """What a program is traced for, in place of arrays, which would hold it on their device."""
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), tree)


def _flops(function: Any, *arguments: Any) -> float:
    """Operations of a call of a jitted function.

    They are those of the program before it is compiled. JAX counts them for its CPU alone; what is
    traced is the device's program, bfloat16 and all.
    """
    try:
        (cpu, *_) = jax.local_devices(backend="cpu")
    except RuntimeError as error:  # JAX_PLATFORMS names others alone
        raise _Uncountable from error
    with jax.default_device(cpu):
        cost = function.lower(*arguments).cost_analysis()
    if not cost:
        raise _Uncountable
    return cost["flops"]


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
    seconds = _SECONDS[platform]
    rates = {"jax": _rate(side, seconds, lambda: jax.block_until_ready(product(a, a)))}
    if against_torch:
        import torch

        where = "cpu" if platform == "cpu" else "cuda"
        b = torch.randn(side, side, dtype=getattr(torch, dtype), device=where)

        def multiply() -> None:
            b @ b
            if platform == "gpu":
                torch.cuda.synchronize()

        rates["torch"] = _rate(side, seconds, multiply)
    return rates


def precision_rates(platform: str) -> dict[str, float]:
    """Operations a second in a large product of matrices, by precision.

    Args:
      platform: 'cpu', where only float32 is of use, or 'gpu'.
    """
    kinds = {"float32": ("float32", "highest")}
    if platform == "gpu":
        kinds |= {"tf32": ("float32", "default"), "bfloat16": ("bfloat16", "default")}
    rates = {}
    for name, (dtype, precision) in kinds.items():
        a = jax.random.normal(jax.random.key(0), (_SIDE[platform],) * 2, dtype)
        product = jax.jit(partial(jnp.matmul, precision=precision))

        def multiply(product=product, a=a) -> None:
            jax.block_until_ready(product(a, a))

        rates[name] = _rate(_SIDE[platform], _SECONDS[platform], multiply)
    return rates


def _rate(side: int, seconds: float, multiply: Callable[[], object]) -> float:
    """The best of the products that begin within the time, after one that does not count."""
    multiply()
    best = float("inf")
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        multiply()
        best = min(best, time.perf_counter() - began)
    return 2 * side**3 / best
