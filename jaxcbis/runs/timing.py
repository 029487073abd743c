"""Seconds that the parts of a run take."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def timed(timing: dict[str, float], name: str) -> Iterator[None]:
    """Notes how many seconds the block took."""
    began = time.perf_counter()
    yield
    timing[name] = time.perf_counter() - began
