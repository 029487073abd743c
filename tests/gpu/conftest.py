"""The counts of programs compiled for an H100, by a process that has JAX on the CPU from start."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gpu.counts import Counts
from tests.gpu.target import missing

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def compiled() -> Callable[[str], dict[str, Counts]]:
    """Compiles the programs of a pattern of names; their counts by name."""
    if reason := missing():
        pytest.skip(reason)

    def of(*patterns: str) -> dict[str, Counts]:
        words = [sys.executable, "-m", "tests.gpu.counts", "--json", *patterns]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout.splitlines()[-1])
        return {name: Counts(**counts) for name, counts in found.items()}

    return of
