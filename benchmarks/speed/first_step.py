"""One process from its start to the end of its first training step; prints the parts as JSON.

Called as `python -m benchmarks.speed.first_step {ours,torch} {cpu,gpu} WORK`, with WORK as JSON.
"""

import json
import resource
import sys
import time
from dataclasses import dataclass

import numpy as np

from benchmarks import measure
from benchmarks.measure import Work

_began = time.perf_counter()


def main(side: str, platform: str, work: Work) -> dict[str, float | None]:
    """Takes one step, and says what it took.

    Args:
      side: 'ours' or 'torch'.
      platform: 'cpu' or 'gpu'.
      work: a row's; its first phase is trained.

    Returns:
      Seconds `import_s`, `build_s`, `trace_s`, `compile_s` (both null for PyTorch, whose eager mode
      is the fastest to its first step) and `run_s`, their sum without `build_s` as `total_s`
      (drawing random weights is no part of a real start), and the process's `peak_memory_mb`.
    """
    clock = _Clock({}, _began)
    rng = np.random.default_rng(0)
    peak = (_ours if side == "ours" else _torch)(platform, work, rng, clock)
    parts = {"trace_s": None, "compile_s": None} | clock.parts
    total = sum(seconds or 0 for name, seconds in parts.items() if name != "build_s")
    return parts | {"total_s": total, "peak_memory_mb": peak}


@dataclass
class _Clock:
    """Seconds by part; `last` is when the part before ended."""

    parts: dict[str, float]
    last: float

    def mark(self, name: str) -> None:
        now = time.perf_counter()
        self.parts[name], self.last = now - self.last, now


def _ours(platform: str, work: Work, rng: np.random.Generator, clock: _Clock) -> float | None:
    """Takes a step of ours; returns the process's peak memory in MiB."""
    import jax

    from benchmarks.speed import rows, tasks
    from jaxcbis.machine import backend, device
    from jaxcbis.training import steps

    clock.mark("import_s")
    backend.start(platform, measure.cores())
    backbone = rows.load(work.model)
    plan, state, frozen = tasks.start_steps(work, backbone)
    batch = tasks.on_device(rows.draw(work, rng), work, backbone)
    clock.mark("build_s")
    lowered = steps.train_step.trace(plan, state, frozen, batch).lower()
    clock.mark("trace_s")
    compiled = lowered.compile()
    clock.mark("compile_s")
    jax.block_until_ready(compiled(state, frozen, batch))
    clock.mark("run_s")
    return device.peak_memory_mb()


def _torch(platform: str, work: Work, rng: np.random.Generator, clock: _Clock) -> float:
    """Takes a step of PyTorch's; returns the process's peak memory in MiB."""
    import torch

    from benchmarks.peer import models as torch_models
    from benchmarks.peer import rows as torch_rows

    clock.mark("import_s")
    tools = torch_rows.Torch(platform, _draw, _draw, 0, print)
    task = tools.step(work, torch_models.build(work.model), torch_rows.Settings())
    inputs = task.fresh(rng)
    clock.mark("build_s")
    task.work(inputs)
    clock.mark("run_s")
    if platform == "gpu":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def _draw(work: Work, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """As `rows.draw`, without importing JAX."""
    images = rng.standard_normal((work.batch, *work.shape), np.float32)
    return images, rng.integers(0, 5, work.batch, np.int32)


if __name__ == "__main__":
    side, platform, words = sys.argv[1:]
    print(json.dumps(main(side, platform, Work(*json.loads(words)))))
