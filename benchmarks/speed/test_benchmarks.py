"""Our side of the rows under pytest-benchmark, to compare versions of this package.

pytest benchmarks/ --benchmark-autosave, and after a change --benchmark-compare.
"""

import numpy as np
import pytest

from benchmarks.speed import inputs, rows, tasks
from jaxcbis.machine import backend

WITHIN = [
    row for row in rows.ROWS
    if row not in (
        "s1_run", "input", "time_to_first_step", "second_start", "gradcam_head_only",
        "gradcam_vs_forward",
    )
]  # fmt: skip
ROUNDS = 5


@pytest.fixture(scope="module")
def backbone(model):
    backend.start("auto")
    return rows.load(model)


@pytest.mark.parametrize("row", WITHIN)
def test_row(benchmark, pytestconfig, row, backbone):
    batch, size, images = (
        pytestconfig.getoption(name) for name in ("--batch", "--image-size", "--images")
    )
    task = tasks.ours(rows.work(row, backbone, batch, size, images, 1), backbone)
    rng = np.random.default_rng(0)
    task.warm(rng)
    benchmark.group = f"{row} {backbone.architecture.name}"
    benchmark.pedantic(task.work, setup=lambda: ((task.fresh(rng),), {}), rounds=ROUNDS)


def test_input(benchmark, pytestconfig, tmp_path):
    records, _ = inputs.write(tmp_path)
    task = inputs.task(pytestconfig.getoption("--image-size"), records)
    benchmark.pedantic(task.work, setup=lambda: ((records,), {}), rounds=ROUNDS, warmup_rounds=1)
