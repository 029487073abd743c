"""One point of a scaling curve, in a process of its own, so that its peak memory is its own.

Called as `python -m benchmarks.scaling.point SIDE PLATFORM SETTINGS SECONDS WORK`, the last three
in JSON; prints JSON.
"""

import json
import sys

import numpy as np

from benchmarks import alone, measure, memory
from benchmarks.measure import Task, Work

REPETITIONS = 3
#: Of a point's seconds: after which it begins no further repetition, and which the search for
#: PyTorch's settings may take.
_REPEAT, _TUNE = 0.1, 0.6


def main(side: str, platform: str, settings: dict | None, seconds: float, work: Work) -> dict:
    """Measures one side of one point.

    Args:
      side: 'ours' or 'torch'.
      platform: 'cpu' or 'gpu'.
      settings: of PyTorch, for 'torch'; None to find the best for this work.
      seconds: that the point may take.
      work: a training step or `s2_epoch`.

    Returns:
      Medians {'seconds', 'memory_mb', 'prefix_s'}, the last one only of our `s2_epoch`;
      {'reason'} where memory runs out; PyTorch's settings where they are looked for.
    """
    from benchmarks.speed import rows, tasks
    from jaxcbis.machine import backend

    parts: list[dict] = []
    try:
        if side == "ours":
            backend.start(platform, measure.cores())
            meter = memory.of_jax()
            held = meter.held()
            ours = tasks.ours(work, rows.load(work.model), parts.append)
            return _measure(ours, meter, held, seconds, parts)
        from benchmarks.peer import models as torch_models
        from benchmarks.peer import rows as torch_rows

        tools = torch_rows.Torch(platform, rows.draw, rows.draw_splits, _TUNE * seconds, print)
        if settings is None:
            return tools.tune(work, torch_models.build(work.model), tools.step)._asdict()
        tools.fixed = torch_rows.Settings(**settings)
        meter = memory.of_torch(platform)
        held = meter.held()
        return _measure(tools.task(work), meter, held, seconds, parts)
    except (RuntimeError, MemoryError) as error:
        if not measure.is_out_of_memory(error):
            raise
        return {"reason": "out of memory"}


def _measure(
    task: Task, meter: memory.Meter, held: float | None, seconds: float, parts: list[dict]
) -> dict:
    rng = np.random.default_rng(1)
    task.warm(rng)
    parts.clear()  # compiling is in them
    meter.forget()
    times, _ = measure.alternate(task, None, rng, REPETITIONS, _REPEAT * seconds)
    prefixes = [part["prefix_s"] for part in parts]
    return {
        "seconds": float(np.median(times)),
        "memory_mb": meter.growth(held),
        "prefix_s": float(np.median(prefixes)) if prefixes else None,
    }


if __name__ == "__main__":
    alone.first_to_go()
    side, platform, settings, seconds, words = sys.argv[1:]
    done = main(side, platform, json.loads(settings), float(seconds), Work(*json.loads(words)))
    print(json.dumps(done))
