"""What JAX spends before it can run: on tracing and lowering, and on compiling.

Programs that the persistent cache holds are read and not compiled; they are counted apart, as the
seconds of reading them say nothing of compiling.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import jax

_CACHE_HIT = "/jax/compilation_cache/cache_hits"
_PARTS = {
    "jaxpr_trace_duration": "trace_s",
    "jaxpr_to_mlir_module_duration": "trace_s",
    "backend_compile_duration": "compile_s",
}


@contextmanager
def parts() -> Iterator[dict[str, float | None]]:
    """Fills in the seconds `trace_s`, with lowering, and `compile_s` that the block spends.

    A function traced within another one counts once. `cache_hits` is how many programs were read
    from the persistent cache; where there was one, `compile_s` is None, being no first start's.
    """
    spans: dict[str, list[tuple[float, float]]] = {name: [] for name in _PARTS.values()}
    seconds: dict[str, float | None] = dict.fromkeys(spans, 0.0)
    hits = 0

    def listen(event: str, duration_secs: float, **_: str | int) -> None:
        name = _PARTS.get(event.rpartition("/")[2])
        if name:
            now = time.perf_counter()
            spans[name].append((now - duration_secs, now))

    def count(event: str, **_: str | int) -> None:
        nonlocal hits
        hits += event == _CACHE_HIT

    jax.monitoring.register_event_duration_secs_listener(listen)
    jax.monitoring.register_event_listener(count)
    try:
        yield seconds
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
        jax.monitoring.unregister_event_listener(count)
        seconds |= {name: covered(spans[name]) for name in spans} | {"cache_hits": hits}
        if hits:
            seconds["compile_s"] = None


def covered(spans: list[tuple[float, float]]) -> float:
    """Length of the union of intervals."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total
