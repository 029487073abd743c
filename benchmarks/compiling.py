"""What JAX spends before it can run: on tracing and lowering, and on compiling."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import jax

_PARTS = {
    "jaxpr_trace_duration": "trace_s",
    "jaxpr_to_mlir_module_duration": "trace_s",
    "backend_compile_duration": "compile_s",
}


@contextmanager
def parts() -> Iterator[dict[str, float]]:
    """Fills in the seconds `trace_s`, with lowering, and `compile_s` that the block spends.

    A function traced within another one counts once.
    """
    spans: dict[str, list[tuple[float, float]]] = {name: [] for name in _PARTS.values()}
    seconds = dict.fromkeys(spans, 0.0)

    def listen(event: str, duration_secs: float, **_: str | int) -> None:
        name = _PARTS.get(event.rpartition("/")[2])
        if name:
            now = time.perf_counter()
            spans[name].append((now - duration_secs, now))

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield seconds
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
        seconds |= {name: covered(spans[name]) for name in spans}


def covered(spans: list[tuple[float, float]]) -> float:
    """Length of the union of intervals."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total
