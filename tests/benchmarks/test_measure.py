"""The arithmetic and the order of measuring; no clock is read."""

import contextlib
import time

import numpy as np
import pytest

from benchmarks import measure
from benchmarks.measure import Late, Skipped, Task, Work

RNG = np.random.default_rng(0)
WORK = Work("forward", "resnet50", batch=8, size=64)


def test_ratio_above_one_means_that_ours_is_faster():
    row = measure.summarize(WORK, "s", [1.0, 2.0, 30.0], [6.0, 5.0, 4.0], "peer")
    assert (row["ours"], row["peer"], row["ratio"]) == (2.0, 5.0, 2.5)
    row = measure.summarize(WORK, "images/s", [2.0] * 3, [4.0] * 3, "peer")
    assert (row["ours"], row["peer"], row["ratio"]) == (4.0, 2.0, 2.0)


def test_the_row_has_the_keys_that_readers_rely_on():
    row = measure.summarize(WORK, "s", [1.0], [], "nobody")
    assert list(row) == [
        "row", "model", "batch", "ours", "peer", "peer_name", "unit", "ratio", "spread",
    ]  # fmt: skip
    assert row["peer"] is row["peer_name"] is row["ratio"] is row["spread"] is None


def test_spread_is_the_interquartile_range_over_the_median_of_the_wilder_side():
    times = [1.0, 2.0, 3.0, 4.0, 5.0]
    assert measure.spread(times) == pytest.approx(2 / 3)
    assert measure.spread([1.0, 2.0]) is None
    row = measure.summarize(WORK, "s", [1.0] * 5, times, "peer")
    assert row["spread"] == pytest.approx(2 / 3)


def sides(log):
    def task(name):
        return Task(lambda rng: (name, rng.random()), lambda x: log.append(x) or x, lambda x: x[1])

    return task("ours"), task("peer")


def test_sides_alternate_with_fresh_inputs():
    log = []
    ours, peer = measure.alternate(*sides(log), RNG, 4, 60)
    turns = ["ours", "peer", "peer", "ours"] * 2
    assert [name for name, _ in log] == [name for name in turns for _ in ("warms up", "is timed")]
    assert len({value for _, value in log}) == 16, "an input was used twice"
    timed = log[1::2]
    assert (ours, peer) == tuple([v for n, v in timed if n == side] for side in ("ours", "peer"))


def test_time_that_is_up_ends_a_row_after_one_repetition():
    log = []
    assert [len(t) for t in measure.alternate(*sides(log), RNG, 9, -1)] == [1, 1]
    assert [len(t) for t in measure.alternate(sides(log)[0], None, RNG, 3, 60)] == [3, 0]


def test_out_of_memory_halves_the_batch_and_says_so():
    notes = []

    def run(batch):
        if batch > 3:
            raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes")
        return batch

    assert measure.halving(run, 12, "forward vgg19", notes.append) == 3
    assert [note.split(", measured")[0] for note in notes] == [
        "forward vgg19: out of memory at batch 12",
        "forward vgg19: out of memory at batch 6",
    ]


def test_out_of_memory_at_one_image_skips_and_other_faults_pass():
    def fail(error):
        def run(batch):
            raise error

        return run

    torch_cpu = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried")
    with pytest.raises(Skipped, match="batch 1"):
        measure.halving(fail(torch_cpu), 2, "row", lambda note: None)
    with pytest.raises(RuntimeError, match="shapes"):
        measure.halving(fail(RuntimeError("shapes differ")), 2, "row", lambda note: None)


def test_a_deadline_ends_what_catches_every_exception():
    def stubborn():
        while True:
            with contextlib.suppress(Exception), measure.deadline(0.05):
                time.sleep(1)

    with pytest.raises(Late):
        stubborn()
    with measure.deadline(0.05):
        pass
    time.sleep(0.1)  # it does not ring behind the block
