"""One process from its start to the end of its first training step; prints the parts as JSON.

Called as `python -m benchmarks.speed.first_step {ours,torch} {cpu,gpu} WORK`, with WORK as JSON.
"""

import json
import resource
import sys
import time

import numpy as np

from benchmarks.measure import Work

_began = time.perf_counter()


def main(side: str, platform: str, work: Work) -> dict[str, float]:
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
    parts: dict = {}
    last = _began

    def mark(name: str) -> None:
        nonlocal last
        now = time.perf_counter()
        parts[name], last = now - last, now

    rng = np.random.default_rng(0)
    if side == "ours":
        import jax

        from benchmarks.speed import rows
        from jaxcbis.machine import backend, device
        from jaxcbis.training import steps

        mark("import_s")
        backend.start(platform)
        backbone = rows.load(work.model)
        plan, state, frozen = rows.start_steps(work, backbone)
        batch = jax.block_until_ready(jax.device_put(rows.draw(work, rng)))
        mark("build_s")
        lowered = steps.train_step.trace(plan, state, frozen, *batch).lower()
        mark("trace_s")
        compiled = lowered.compile()
        mark("compile_s")
        jax.block_until_ready(compiled(state, frozen, *batch))
        mark("run_s")
        peak = device.peak_memory_mb()
    else:
        import torch

        from benchmarks.peer import models as torch_models
        from benchmarks.peer import rows as torch_rows

        mark("import_s")
        tools = torch_rows.Torch(platform, _draw, _draw, 0, print)
        task = tools.step(work, torch_models.build(work.model), torch_rows.Settings())
        inputs = task.fresh(rng)
        mark("build_s")
        parts |= {"trace_s": None, "compile_s": None}
        task.work(inputs)
        mark("run_s")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
        if platform == "gpu":
            peak = torch.cuda.max_memory_allocated() / 2**20
    total = sum(seconds or 0 for name, seconds in parts.items() if name != "build_s")
    return parts | {"total_s": total, "peak_memory_mb": peak}


def _draw(work: Work, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """As `rows.draw`, without importing JAX."""
    images = rng.standard_normal((work.batch, *work.shape), np.float32)
    return images, rng.integers(0, 5, work.batch, np.int32)


if __name__ == "__main__":
    side, platform, words = sys.argv[1:]
    print(json.dumps(main(side, platform, Work(*json.loads(words)))))
