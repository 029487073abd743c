"""How a process of ours starts: with what libraries and the system read only once."""

import contextlib
import itertools
import os
import sys
from collections.abc import Mapping, Sequence

from jaxcbis.machine import places

#: Keeps start-up chatter of XLA and TFDS off the screen.
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2", "ABSL_MIN_LOG_LEVEL": "1"}
#: Freed blocks are kept for the next step, whichever thread asks for it.
_GLIBC = (
    "glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=8589934592:"
    "glibc.malloc.arena_max=1"
)
#: Each is there where its driver is: NVIDIA's, AMD's, Windows' in Linux.
_GPUS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")


def begin() -> None:
    """Sets the environment of a process that is all ours, and starts it again where it must.

    Comes before anything is imported that reads it.
    """
    _open_standard_streams()
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    gpu = any(map(os.path.exists, _GPUS))
    if sys.platform == "linux" and wants_other_allocator(sys.argv, os.environ, gpu):
        words = [sys.executable, *sys.orig_argv[1:]]
        with contextlib.suppress(OSError):  # it only saves time
            os.execve(sys.executable, words, os.environ | {"GLIBC_TUNABLES": _GLIBC})


def settle() -> None:
    """Sees to it that all libraries have places to keep what they keep, and says where they lack.

    On stderr: stdout may be read by a program. Comes before libraries are imported that look for
    such places.
    """
    found = places.settle(os.environ)
    for line in found.said:
        print(f"jaxcbis: {line}", file=sys.stderr)
    for name, value in found.changes.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


def _open_standard_streams() -> None:
    """Opens what was closed, as `2>&-` does: else the next files would get its numbers.

    A library that complains on stderr would write into one of them.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
            os.set_inheritable(nowhere, True)
            mode = "w" if number else "r"
            setattr(sys, name, os.fdopen(nowhere, mode, encoding="utf-8", closefd=False))


def wants_other_allocator(words: Sequence[str], environment: Mapping[str, str], gpu: bool) -> bool:
    """Whether glibc is to keep the memory that is freed, which it reads at its start.

    By default it gives large blocks back to the system when they are freed, and every step faults
    them in anew, page by page. On two cores a training step of a whole ResNet50 took 17 % less time
    without that, in PyTorch 26 % less.

    Where a GPU computes nothing of that matters, and the threads of its compiler would wait for the
    one arena.

    Args:
      words: of the command line.
      environment: of the process; what the user has set for glibc stays.
      gpu: whether the machine has one.
    """
    if "GLIBC_TUNABLES" in environment:
        return False
    on_cpu = "--device=cpu" in words or ("--device", "cpu") in itertools.pairwise(words)
    return not gpu or on_cpu or environment.get("JAX_PLATFORMS") == "cpu"
