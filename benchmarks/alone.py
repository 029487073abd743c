"""Work in a process of its own: its peak memory is its own, and what it breaks is itself alone."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

from benchmarks import ROOT


def run(module: str, words: list[str], seconds: float) -> dict:
    """Runs a module for at most `seconds`.

    Args:
      module: prints a JSON object as its last line.
      words: that it takes.
      seconds: after which it is ended.

    Returns:
      What it prints, or {'reason'} where it was not done in time or was killed.

    Raises:
      RuntimeError: it failed in another way.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, *words],
            cwd=ROOT, capture_output=True, text=True, timeout=seconds,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"reason": f"not done within {seconds:.3g} s"}
    if done.returncode < 0:
        return {"reason": f"ended by signal {-done.returncode}, most likely for want of memory"}
    if done.returncode:
        raise RuntimeError(f"{module} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def first_to_go() -> None:
    """Memory that runs out ends this process, not the one that started it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
