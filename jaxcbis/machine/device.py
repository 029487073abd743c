"""What JAX computes on here: its devices, threads and memory, as results.json tells them too."""

import os
import platform
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import flax
import jax

#: What a process of its own on a GPU is given at least: bytes of that one's memory, cores.
_SERVED_MEMORY, _SERVED_CORES = 8 * 2**30, 3
_MOST_SERVED = 5


def served() -> int:
    """How many processes one device of this host serves side by side."""
    device = jax.local_devices()[0]
    if device.platform == "cpu":
        return 1
    memory = (device.memory_stats() or {}).get("bytes_limit", 0)
    return served_by_gpu(memory, _allowed_cores() // jax.local_device_count())


def served_by_gpu(memory: int, cores: int) -> int:
    """How many processes a GPU serves side by side.

    A run of small batches leaves it idle while the host compiles, evaluates and writes, so it
    serves as many as its memory and the host's cores allow, up to a handful.

    Args:
      memory: of the GPU, in bytes.
      cores: of the host, for this GPU.
    """
    return max(1, min(_MOST_SERVED, memory // _SERVED_MEMORY, cores // _SERVED_CORES))


def described() -> str:
    """The devices that share the work, for people."""
    one = jax.devices()[0]
    name = f"{one.device_kind} ({one.platform})"
    name = f"{jax.device_count()} x {name}" if jax.device_count() > 1 else name
    return f"{name} on {jax.process_count()} hosts" if jax.process_count() > 1 else name


def crowding(threads: int) -> str | None:
    """Says so where XLA has more threads than cores to run them on; None where it has not.

    Args:
      threads: of XLA on a CPU.
    """
    cores = _allowed_cores()
    if jax.default_backend() != "cpu" or threads <= cores:
        return None
    of = f"{cores} core{'s' if cores > 1 else ''}"
    return f"{threads} threads on {of}: NPROC={cores} may be faster, with other last digits"


def _allowed_cores() -> int:
    """Of the machine's cores, those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def compile_clock() -> Iterator[Callable[[], float]]:
    """A function that tells the seconds spent within it on tracing, lowering and compiling."""
    spent = 0.0

    def listen(event: str, duration_secs: float, **_: str | int) -> None:
        nonlocal spent
        if event.startswith("/jax/core/compile/"):
            spent += duration_secs

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield lambda: spent
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def peak_memory_mb() -> float:
    """The most memory used so far, in MiB: of the GPU, or of the process on a CPU."""
    stats = jax.local_devices()[0].memory_stats() or {}
    if "peak_bytes_in_use" in stats:
        return stats["peak_bytes_in_use"] / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def free_memory(sharers: int = 1) -> int:
    """Bytes that arrays on each device may still take: of the GPU, or of its share of the host.

    Args:
      sharers: processes that share the host; a GPU's memory is divided between them at the start.
    """
    stats = jax.local_devices()[0].memory_stats() or {}
    if "bytes_limit" in stats:
        return stats["bytes_limit"] - stats["bytes_in_use"]
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        free = int(fields["MemAvailable"].split()[0]) * 2**10
    except (OSError, KeyError):  # not Linux: what no process uses, which is less
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    return free // (jax.local_device_count() * sharers)


def environment(threads: int) -> dict[str, str | int | None]:
    """Versions and hardware, as results.json records them.

    Args:
      threads: of XLA on a CPU.
    """
    device = jax.devices()[0]
    return {
        "python": platform.python_version(),
        "jax": jax.__version__,
        "flax": flax.__version__,
        "backend": jax.default_backend(),
        "device": device.device_kind,
        "devices": jax.device_count(),
        "hosts": jax.process_count(),
        "host_cores": os.cpu_count(),
        "threads": threads,
        "git_commit": _git_commit(),
    }


def _git_commit() -> str | None:
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
