"""Operations of a row against PyTorch's own counter; JAX's compile times against a clock."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import compiling, flops, rows, torch_models, torch_side
from benchmarks.torch_side import Settings


@pytest.mark.parametrize("model", ["resnet34", "vgg16"])
def test_operations_are_those_that_torch_counts(model):
    backbone = rows.load(model)
    tools = torch_side.Torch("cpu", rows.draw, rows.draw_splits, 0, pytest.fail)
    for row in ("forward", "train_all", "train_frozen", "train_behind_prefix"):
        work = rows.work(row, backbone, 2, 64, 0, 1)
        make = tools.forward if row == "forward" else tools.step
        task = make(work, torch_models.build(model), Settings())
        inputs = task.fresh(np.random.default_rng(0))
        with FlopCounterMode(display=False) as counter:
            task.work(inputs)
        # It counts zeros at the borders, and neither normalisation nor Adam.
        expected = counter.get_total_flops()
        assert flops.of(work, backbone) == pytest.approx(expected, rel=0.15), row


def test_operations_are_not_counted_where_the_work_differs():
    assert flops.of(rows.Work("s2_epoch", "vgg16", 2, 64), None) is None


def test_tracing_and_compiling_are_told_apart():
    @jax.jit
    def inner(x):
        time.sleep(0.2)  # at trace time
        return jnp.sin(x)

    began = time.perf_counter()
    with compiling.parts() as seconds:
        jax.jit(lambda x: inner(x) + 1)(1.0)
    whole = time.perf_counter() - began
    assert 0.2 <= seconds["trace_s"] < 0.4, "an inner function counts once"
    assert 0 < seconds["compile_s"] <= whole - 0.2
    with compiling.parts() as seconds:
        pass
    assert seconds == {"trace_s": 0, "compile_s": 0}


def test_intervals_that_overlap_count_once():
    assert compiling.covered([(0, 4), (1, 2), (3, 5), (7, 8)]) == 6
    assert compiling.covered([]) == 0
