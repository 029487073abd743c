"""A step on whole views fits into a common GPU, and checkpointing never takes more."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gpu.target import missing

ROOT = Path(__file__).resolve().parents[2]
#: Of a common GPU.
GIB = 15
#: Memory that two programs may differ in by chance.
NOISE = 0.01


@pytest.mark.full
@pytest.mark.parametrize("backbone", ["vgg16", "vgg19", "resnet34", "resnet50"])
def test_a_step_on_two_views_at_full_size_fits(backbone):
    if reason := missing():
        pytest.skip(reason)
    words = [sys.executable, "-m", "tests.gpu.whole_images", backbone]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 4
    assert all(row["top"] <= row["step"] < GIB for row in rows)
    steps = {(row["precision"], row["checkpoint"]): row["step"] for row in rows}
    for precision in ("float32", "bfloat16"):
        assert steps[precision, True] <= steps[precision, False] + NOISE
