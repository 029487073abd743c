"""What JAX computes on, as it is told and shared out."""

import jax
import jax.numpy as jnp
import pytest

from jaxcbis.machine import device


@pytest.mark.parametrize(
    ("gib", "cores", "processes"),
    [(105, 16, 5), (1000, 64, 5), (30, 16, 3), (105, 2, 1), (0, 16, 1)],
)
def test_a_gpu_serves_what_its_memory_and_the_hosts_cores_allow(gib, cores, processes):
    assert device.served_by_gpu(gib * 2**30, cores) == processes


def test_a_cpu_serves_one():
    if jax.default_backend() != "cpu":
        pytest.skip("there is a GPU here")
    assert device.served() == 1


def test_more_threads_than_cores_are_told():
    if jax.default_backend() != "cpu":
        pytest.skip("there is a GPU here")
    assert device.crowding(1) is None
    assert device.crowding(10_000).startswith("10000 threads on ")


def test_processes_share_the_hosts_memory():
    if jax.default_backend() != "cpu":
        pytest.skip("there is a GPU here")
    assert device.free_memory(sharers=4) == pytest.approx(device.free_memory() / 4, rel=0.2)


def test_a_clock_of_compiling_tells_only_of_its_own_time():
    def compile_something(number):
        jax.jit(lambda x: x * number + 1)(jnp.ones(3)).block_until_ready()

    with device.compile_clock() as outer:
        assert outer() == 0
        compile_something(2)
        first = outer()
        with device.compile_clock() as inner:
            compile_something(3)
        assert 0 < inner() < outer()
        assert outer() == pytest.approx(first + inner())
    after = outer()
    compile_something(4)
    assert outer() == after
