"""What a new process takes to its first training step; see `first_step`, which it runs."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable

from benchmarks import ROOT
from benchmarks.measure import Skipped, Task, Work


def first_step(side: str, work: Work, platform: str, cache: str) -> dict[str, float]:
    """Starts a process that takes one training step; see `first_step.py`.

    Args:
      side: 'ours' or 'torch'.
      work: the step.
      platform: 'cpu' or 'gpu'.
      cache: folder of the compiled programs.

    Returns:
      Its parts in seconds, `total_s`, and its `peak_memory_mb`.

    Raises:
      Skipped: it failed; with its last line.
    """
    words = [sys.executable, "-m", "benchmarks.speed.first_step", side, platform, json.dumps(work)]
    environment = os.environ | {
        "JAX_COMPILATION_CACHE_DIR": cache, "TORCHINDUCTOR_CACHE_DIR": cache,
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }  # fmt: skip
    done = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise Skipped(f"{work.row} {work.model}: the process of {side} failed: {last}")
    return json.loads(done.stdout.splitlines()[-1])


def task(side: str, work: Work, platform: str, record: Callable[[dict], None]) -> Task:
    """Time to first step of one side, each repetition in a process with an empty cache.

    `record` takes the parts of every repetition.
    """

    def run(_: None) -> dict[str, float]:
        with tempfile.TemporaryDirectory() as cache:
            done = first_step(side, work, platform, cache)
        record(done)
        return done

    return Task(lambda rng: None, run, lambda done: done["total_s"], lambda rng: None)


def second_start(work: Work, platform: str, repetitions: int) -> tuple[list[float], list[float]]:
    """Seconds that a second process takes to compile what a first one has compiled, and the
    first one's."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory() as cache:  # the first start comes last in the pair
            for taken in reversed(seconds):
                taken.append(first_step("ours", work, platform, cache)["compile_s"])
    return seconds
