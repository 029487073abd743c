"""The memory of a side against arrays of known size, whatever the allocator keeps."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

#: One side holds 30 MiB and takes 60 more for a while; a second one, built beside it, 20 and 40.
CODE = """
import json
import numpy as np
from benchmarks import measure, memory
from benchmarks.measure import Task

def side(own, more):
    kept = np.ones(own * 2**20, np.uint8)
    def work(x):
        for _ in range(2):  # what is freed and taken again counts once
            np.ones(more * 2**20, np.uint8)
        return kept
    return Task(lambda rng: np.ones(10 * 2**20, np.uint8), work)

junk = [np.ones(2**19, np.uint8) for _ in range(400)]
del junk  # 200 MiB that the allocator may keep
rng = np.random.default_rng(0)
one, first = measure.build(lambda: side(30, 60), rng, memory.process())
two, second = measure.build(lambda: side(20, 40), rng, memory.process())
print(json.dumps([first, second]))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells of its memory")
@pytest.mark.parametrize(
    "tunables",
    ["", "glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=8589934592"],
    ids=["gives back", "keeps"],
)
def test_a_side_counts_what_it_holds_and_takes_and_nothing_of_the_other(tunables):
    words = [sys.executable, "-c", CODE]
    environment = os.environ | {"GLIBC_TUNABLES": tunables}
    done = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    inputs = 10
    expected = [30 + inputs + 60, 20 + inputs + 40]
    assert json.loads(done.stdout) == pytest.approx(expected, abs=2)
