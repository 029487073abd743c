"""Operations of a row against PyTorch's own counter, and the bound that they set."""

import jax
import numpy as np
import pytest

from benchmarks.speed import flops, rows


@pytest.mark.parametrize(
    ("model", "batch"),
    [
        ("tiny", 16),
        ("tiny_vgg", 8),
        pytest.param("resnet34", 4, marks=pytest.mark.full),
        pytest.param("vgg16", 4, marks=pytest.mark.full),
    ],
)
def test_operations_are_those_that_torch_counts(model, batch, peer):
    from torch.utils.flop_counter import FlopCounterMode

    backbone = rows.load(model)
    tools = peer.rows.Torch("cpu", rows.draw, rows.draw_splits, 0, pytest.fail)
    for row in ("forward", "train_all", "train_frozen", "train_behind_prefix"):
        work = rows.work(row, backbone, batch, 64, 0, 1)
        make = tools.forward if row == "forward" else tools.step
        task = make(work, peer.models.build(model), peer.rows.Settings())
        inputs = task.fresh(np.random.default_rng(0))
        with FlopCounterMode(display=False) as counter:
            task.work(inputs)
        # It counts zeros at the borders, and neither normalisation nor Adam, whose share falls
        # with the batch.
        expected = counter.get_total_flops()
        assert flops.of(work, backbone) == pytest.approx(expected, rel=0.15), row


def test_what_jax_does_not_count_is_none_and_no_sum_of_the_rest(monkeypatch):
    backbone = rows.load("tiny")
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


def test_the_bound_of_a_run_by_hand(monkeypatch):
    """With stages that all cost the same, three times as much where they learn."""
    backbone = rows.load("tiny")  # its stem and layer1 are frozen; layer2, head
    work = rows.work("s1_run", backbone, 2, 32, images=4, epochs=2)  # 2 batches and 1 to validate
    monkeypatch.setattr(flops, "_of_stages", lambda work, backbone, shape, stages: len(stages))

    def of_step(work, backbone):
        stages = [*backbone.stages, "head"]
        (rates,) = work.phases
        return len(stages[stages.index(work.first) :]) + 2 * len(rates)

    monkeypatch.setattr(flops, "_of_step", of_step)
    peer = 2 * sum(2 * (4 + 2 * learn) + 4 for learn in (1, 2))
    kept = 2 * 3  # the frozen half of all batches, once
    behind = sum(
        3 * (2 - learn) + learn + 2 * (2 * 3 * learn + learn)  # kept, first validation, epochs
        for learn in (1, 2)
    )
    assert flops.bound_of_run(work, backbone) == pytest.approx(peer / (kept + behind))


def test_keeping_activations_saves_operations_of_a_real_run():
    backbone = rows.load("tiny")
    short, long = (
        flops.bound_of_run(rows.work("s1_run", backbone, 2, 32, 4, epochs), backbone)
        for epochs in (1, 15)
    )
    assert 1 < short < long < 20


def test_the_rate_is_that_of_the_best_product_but_the_first(monkeypatch):
    now, taken = 0.0, iter((0.001, 0.05, 0.02, 0.05))

    def multiply():
        nonlocal now
        now += next(taken)

    monkeypatch.setattr(flops.time, "perf_counter", lambda: now)
    assert flops._rate(100, 0.1, multiply) == pytest.approx(2 * 100**3 / 0.02)


def test_products_are_in_the_precision_of_the_rows(peer, monkeypatch):
    monkeypatch.setattr(flops, "_SIDE", {"cpu": 64})
    monkeypatch.setattr(flops, "_SECONDS", {"cpu": 0.01})
    assert set(flops.matmul_rates("cpu", True)) == {"jax", "torch"}
    assert set(flops.matmul_rates("cpu", False)) == {"jax"}
    assert set(flops.precision_rates("cpu")) == {"float32"}
