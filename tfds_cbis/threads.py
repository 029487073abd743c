"""Work on many mammograms at once, in threads of this process."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

#: Does a task for each item and yields what it returns, in order: `in_parallel`, or Beam's.
Mapper = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]

#: Each worker holds one mammogram and its masks: some 70 MB at full size, twice that where it
#: draws background.
MAX_WORKERS = 8


def in_parallel(task: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    """Maps in threads on all cores (OpenCV releases the GIL), in order, few items at a time."""
    workers = min(os.cpu_count() or 1, MAX_WORKERS)
    with ThreadPoolExecutor(workers) as pool:
        running: deque[Future] = deque()
        for item in items:
            running.append(pool.submit(task, item))
            if len(running) > workers:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
