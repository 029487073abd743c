"""How the process asks the system for memory."""

import itertools
import os
import sys

#: Freed blocks are kept for the next step, whichever thread asks for it.
_GLIBC = (
    "glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=8589934592:"
    "glibc.malloc.arena_max=1"
)


#: Each is there where its driver is: NVIDIA's, AMD's, Windows' in Linux.
_GPUS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")


def restart() -> None:
    """Starts the process again, once, with what glibc reads only at its start.

    By default it gives large blocks back to the system when they are freed, and every step faults
    them in anew, page by page. On two cores a training step of a whole ResNet50 took 17 % less time
    without that, in PyTorch 26 % less.

    Where a GPU computes nothing of that matters, and the threads of its compiler would wait for the
    one arena.
    """
    if sys.platform != "linux" or "GLIBC_TUNABLES" in os.environ:
        return
    if any(map(os.path.exists, _GPUS)) and not _cpu_asked_for(sys.argv):
        return
    os.environ["GLIBC_TUNABLES"] = _GLIBC
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _cpu_asked_for(words: list[str]) -> bool:
    chosen = "--device=cpu" in words or ("--device", "cpu") in itertools.pairwise(words)
    return chosen or os.environ.get("JAX_PLATFORMS") == "cpu"
