"""JAX's compile times against a clock."""

import time

import jax
import jax.numpy as jnp
import pytest
from jax.experimental.compilation_cache import compilation_cache

from benchmarks.speed import compiling


@pytest.fixture
def empty_cache(tmp_path):
    """JAX's persistent cache, in a folder of its own, for programs that take no time, too."""
    settings = {
        "jax_compilation_cache_dir": str(tmp_path),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in settings}
    for given in (settings, before):
        for name, value in given.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
        if given is settings:
            yield


def test_tracing_and_compiling_are_told_apart(empty_cache):
    @jax.jit
    def inner(x):
        time.sleep(0.2)  # at trace time
        return jnp.sin(x)

    began = time.perf_counter()
    with compiling.parts() as seconds:
        jax.jit(lambda x: inner(x) + 1)(1.0)
    whole = time.perf_counter() - began
    assert seconds["trace_s"] >= 0.2
    assert seconds["compile_s"] > 0
    assert seconds["trace_s"] + seconds["compile_s"] <= whole, "an inner function counts once"
    with compiling.parts() as seconds:
        pass
    assert seconds == {"trace_s": 0, "compile_s": 0, "cache_hits": 0}


def test_a_program_from_the_cache_has_no_compile_time(empty_cache):
    def start():
        with compiling.parts() as seconds:
            jax.jit(lambda x: x + 1)(1.0)  # a new function each time, and the same program
        return seconds

    first, second = start(), start()
    assert first["cache_hits"] == 0
    assert first["compile_s"] > 0
    assert (second["cache_hits"], second["compile_s"]) == (1, None)


def test_intervals_that_overlap_count_once():
    assert compiling.covered([(0, 4), (1, 2), (3, 5), (7, 8)]) == 6
    assert compiling.covered([]) == 0
