"""The most memory that a side of a row holds, beyond what was held before it was built.

The sides share a process, so what one holds must not count as the other's: a side is built, run
once to compile, and run again while its peak is watched.
"""

import ctypes
import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc/self")


class Meter(NamedTuple):
    """Reads the memory of a device, in MiB; None where that cannot be told.

    Attributes:
      held: now, after what is unused was given back.
      forget: begins a new peak.
      peak: the most since then.
    """

    held: Callable[[], float | None]
    forget: Callable[[], object]
    peak: Callable[[], float | None]

    def growth(self, since: float | None) -> float | None:
        """How far the peak lies above what was held."""
        peak = self.peak()
        return None if peak is None or since is None else peak - since


def process() -> Meter:
    """Of this process, in the machine's memory; Linux tells, others do not."""
    if not (_PROC / "clear_refs").exists():
        return Meter(lambda: None, lambda: None, lambda: None)

    def held() -> float:
        _give_back()
        return _status("VmRSS")

    def forget() -> None:
        _give_back()
        (_PROC / "clear_refs").write_text("5")  # resets VmHWM

    return Meter(held, forget, lambda: _status("VmHWM"))


def of_jax() -> Meter:
    """Of the device that JAX computes on.

    A GPU's peak is that of all rows so far, which cannot be reset: it tells of a row only where
    that row has raised it.
    """
    import jax

    device = jax.devices()[0]
    if device.platform == "cpu":
        return process()
    before = 0.0

    def stats(key: str) -> float:
        return (device.memory_stats() or {}).get(key, 0) / 2**20

    def held() -> float:
        nonlocal before
        gc.collect()
        before = stats("peak_bytes_in_use")
        return stats("bytes_in_use")

    def peak() -> float | None:
        highest = stats("peak_bytes_in_use")
        return highest if highest > before else None

    return Meter(held, lambda: None, peak)


def of_torch(platform: str) -> Meter:
    """Of the device that PyTorch computes on, 'cpu' or 'gpu'."""
    import torch

    if platform == "cpu":
        return process()

    def held() -> float:
        gc.collect()
        return torch.cuda.memory_allocated() / 2**20

    return Meter(
        held,
        torch.cuda.reset_peak_memory_stats,
        lambda: torch.cuda.max_memory_allocated() / 2**20,
    )


def _give_back() -> None:
    """Free memory that the C allocator keeps for later would hide what later work takes."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's only
        if trim:
            trim(0)


def _status(name: str) -> float:
    lines = (_PROC / "status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"{name}:")]
    return int(line.split()[1]) / 2**10  # from KiB
