"""Operations of a row against PyTorch's own counter; JAX's compile times against a clock."""

import os
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.peer import models as torch_models
from benchmarks.peer import rows as torch_rows
from benchmarks.peer.rows import Settings
from benchmarks.speed import compiling, flops, rows
from tests.conftest import ROOT


@pytest.mark.parametrize("model", ["resnet34", "vgg16"])
def test_operations_are_those_that_torch_counts(model):
    backbone = rows.load(model)
    tools = torch_rows.Torch("cpu", rows.draw, rows.draw_splits, 0, pytest.fail)
    for row in ("forward", "train_all", "train_frozen", "train_behind_prefix"):
        work = rows.work(row, backbone, 4, 64, 0, 1)
        make = tools.forward if row == "forward" else tools.step
        task = make(work, torch_models.build(model), Settings())
        inputs = task.fresh(np.random.default_rng(0))
        with FlopCounterMode(display=False) as counter:
            task.work(inputs)
        # It counts zeros at the borders, and neither normalisation nor Adam, whose share falls
        # with the batch.
        expected = counter.get_total_flops()
        assert flops.of(work, backbone) == pytest.approx(expected, rel=0.15), row


def test_what_jax_does_not_count_is_none_and_no_sum_of_the_rest(monkeypatch):
    backbone = rows.load("vgg16")
    step = rows.work("train_all", backbone, 1, 32, 0, 1)
    whole = rows.work("s1_run", backbone, 1, 32, 2, 1)
    assert flops.countable()
    monkeypatch.setattr(jax.stages.Lowered, "cost_analysis", lambda lowered: None)
    assert not flops.countable()
    assert flops.of(step, backbone) is None
    assert flops.bound_of_run(whole, backbone) is None


def test_where_jax_has_no_cpu_nothing_is_counted(monkeypatch):
    def absent(backend):
        raise RuntimeError(f"Unknown backend {backend}")

    monkeypatch.setattr(jax, "local_devices", absent)
    assert not flops.countable()


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
    assert seconds == {"trace_s": 0, "compile_s": 0, "cache_hits": 0}


CACHED = """
import jax
from benchmarks.speed import compiling
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
with compiling.parts() as seconds:
    jax.jit(lambda x: x + 1)(1.0)
print(seconds["cache_hits"], seconds["compile_s"])
"""


def test_a_program_from_the_cache_has_no_compile_time(tmp_path):
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(tmp_path)}
    words = [sys.executable, "-c", CACHED]

    def start():
        done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True)
        return done.stdout.split()

    hits, seconds = start()
    assert hits == "0"
    assert float(seconds) > 0
    assert start() == ["1", "None"]


def test_the_bound_of_a_run_by_hand(monkeypatch):
    """With stages that all cost the same, three times as much where they learn."""
    backbone = rows.load("resnet34")  # its stem and two layers are frozen; layer3, layer4, head
    work = rows.work("s1_run", backbone, 2, 32, images=4, epochs=2)  # 2 batches and 1 to validate
    monkeypatch.setattr(flops, "_of_stages", lambda work, backbone, shape, stages: len(stages))

    def of_step(work, backbone):
        stages = [*backbone.stages, "head"]
        (rates,) = work.phases
        return len(stages[stages.index(work.first) :]) + 2 * len(rates)

    monkeypatch.setattr(flops, "_of_step", of_step)
    peer = 2 * sum(2 * (6 + 2 * learn) + 6 for learn in (1, 2, 3))
    kept = 3 * 3  # the frozen half of all batches, once
    behind = sum(
        3 * (3 - learn) + learn + 2 * (2 * 3 * learn + learn)  # kept, first validation, epochs
        for learn in (1, 2, 3)
    )
    assert flops.bound_of_run(work, backbone) == pytest.approx(peer / (kept + behind))


def test_keeping_activations_saves_operations_of_a_real_run():
    backbone = rows.load("vgg16")
    short, long = (
        flops.bound_of_run(rows.work("s1_run", backbone, 2, 32, 4, epochs), backbone)
        for epochs in (1, 15)
    )
    assert 1 < short < long < 6


def test_intervals_that_overlap_count_once():
    assert compiling.covered([(0, 4), (1, 2), (3, 5), (7, 8)]) == 6
    assert compiling.covered([]) == 0
