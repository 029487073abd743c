"""Where JAX computes, and what results.json says of the machine."""

import os
import platform
import resource
import subprocess
import sys
from functools import cache
from pathlib import Path

import flax
import jax

from jaxcbis.errors import UserError

#: Compiled programs are kept here, so that a second start does not compile again.
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "jaxcbis" / "compiled"

#: The first version of jax whose compiler flags have not been looked into.
LOOKED_INTO = (0, 13)

_YNNPACK = "xla_cpu_experimental_ynn_fusion_type"
#: Timing the candidates for an operation would choose another one now and then.
_DETERMINISTIC = "--xla_gpu_exclude_nondeterministic_ops=true --xla_gpu_autotune_level=0"

#: Of a GPU's memory for all processes together: what libraries take is left out.
_USABLE = 0.9
#: What a process of its own on a GPU is given at least: bytes of that one's memory, cores.
_SERVED_MEMORY, _SERVED_CORES = 8 * 2**30, 3
_MOST_SERVED = 5

_chosen = False
_deterministic = False
_compile_seconds = 0.0
_sharers = 1


def choose(name: str, threads: int | None = None, *, deterministic: bool = False) -> jax.Device:
    """Starts JAX on a device; must come before any computation.

    Again in the same process it only checks that the device is the one asked for.

    Args:
      name: 'cpu', 'gpu', or 'auto' for a GPU where there is one.
      threads: on a CPU, unless the user has set NPROC: how XLA splits a sum hangs on their number,
        and so does its last digit. If None, one for each core of the machine, so that a run that
        may use only some of them ends in the same digits.
      deterministic: on a GPU, only operations that give the same bits twice.

    Raises:
      UserError: 'gpu' where JAX finds none; or JAX was at work before, so that it is too late to
        choose.
      ValueError: another name.
    """
    global _chosen, _deterministic
    if name not in ("auto", "cpu", "gpu"):
        raise ValueError(f"expected auto, cpu or gpu, got {name!r}")
    if _chosen:
        return _require(name, deterministic)
    if started():
        raise UserError(
            "JAX has started in this process before jaxcbis could choose its device, threads and "
            "compiler flags; call jaxcbis first"
        )
    os.environ.setdefault("NPROC", str(threads or os.cpu_count() or 1))
    _leave_convolutions_to_eigen()
    if deterministic:  # behind the user's own flags, where it counts
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_DETERMINISTIC}".strip()
    if not jax.config.values["jax_compilation_cache_dir"]:  # the user has not chosen one
        jax.config.update("jax_compilation_cache_dir", str(CACHE))
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    _count_compiling()
    if name != "auto":
        # JAX refuses a platform whose plugin is not installed, and each maker of GPUs has its own:
        # of those that are there it takes a GPU before the CPU by itself.
        jax.config.update("jax_platforms", "cpu" if name == "cpu" else "")
    device = jax.devices()[0]
    if name == "gpu" and device.platform != "gpu":
        raise UserError(
            "--device gpu: JAX finds no GPU; install jaxcbis[cuda12] or jaxcbis[cuda13] on a "
            "machine with one, or use --device cpu"
        )
    _chosen, _deterministic = True, deterministic
    return device


def started() -> bool:
    """Whether JAX has its devices already, so that none can be chosen any more."""
    devices = jax.config.values["jax_num_cpu_devices"]
    try:  # JAX refuses to change this once it is too late
        jax.config.update("jax_num_cpu_devices", devices + 1)
    except RuntimeError:
        return True
    jax.config.update("jax_num_cpu_devices", devices)
    return False


def _require(name: str, deterministic: bool) -> jax.Device:
    device = jax.devices()[0]
    if name not in ("auto", "cpu" if device.platform == "cpu" else "gpu"):
        raise UserError(
            f"--device {name}: this process computes on {described()} already; start another one"
        )
    if deterministic and not _deterministic and device.platform != "cpu":
        raise UserError(
            "--deterministic: this process computes without it already; start another one"
        )
    return device


def restrict(number: int, processes: int, devices: int) -> None:
    """Leaves this process one device of the host; must come before `choose`.

    Args:
      number: of the process; without a GPU each has the CPU.
      processes: that share the host; one GPU serves as many as any other.
      devices: of the host.
    """
    global _sharers
    _sharers = processes
    jax.config.update("jax_num_cpu_devices", 1)
    for kind in ("cuda", "rocm"):
        jax.config.update(f"jax_{kind}_visible_devices", str(number % devices))
    if processes > devices:
        os.environ.pop("XLA_CLIENT_MEM_FRACTION", None)  # JAX refuses both
        os.environ["XLA_PYTHON_CLIENT_MEM_FRACTION"] = f"{_USABLE * devices / processes:.3f}"


def served() -> int:
    """How many processes one device of this host serves side by side.

    A run of small batches leaves a GPU idle while the host compiles, evaluates and writes, so it
    serves as many as its memory and the host's cores allow, up to a handful. A CPU serves one.
    """
    device = jax.local_devices()[0]
    if device.platform == "cpu":
        return 1
    memory = (device.memory_stats() or {}).get("bytes_limit", 0)
    cores = _allowed_cores() // jax.local_device_count()
    return max(1, min(_MOST_SERVED, memory // _SERVED_MEMORY, cores // _SERVED_CORES))


def _leave_convolutions_to_eigen() -> None:
    """Turns off what XLA's CPU compiler has by default since YNNPACK's kernels came with it.

    On two cores with AVX-512 its convolutions took 1.0 to 1.7 times, their kernel gradients 1.1 to
    4 times as long as Eigen's; its matrix products are the faster ones and stay. XLA ends the
    process at a flag that it does not know, so only the versions that were looked into get it.
    """
    known = (0, 8, 1) <= jax.__version_info__ < LOOKED_INTO
    flags = os.environ.get("XLA_FLAGS", "")
    if known and _YNNPACK not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --{_YNNPACK}=individual_dot".strip()


def described() -> str:
    """The devices that share the work, for people."""
    one = jax.devices()[0]
    name = f"{one.device_kind} ({one.platform})"
    name = f"{jax.device_count()} x {name}" if jax.device_count() > 1 else name
    return f"{name} on {jax.process_count()} hosts" if jax.process_count() > 1 else name


def crowding() -> str | None:
    """Says so where XLA has more threads than cores to run them on; None where it has not."""
    cores = _allowed_cores()
    if jax.default_backend() != "cpu" or threads() <= cores:
        return None
    of = f"{cores} core{'s' if cores > 1 else ''}"
    return f"{threads()} threads on {of}: NPROC={cores} may be faster, with other last digits"


def _allowed_cores() -> int:
    """Of the machine's cores, those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def compile_seconds() -> float:
    """Seconds spent so far on tracing, lowering and compiling."""
    return _compile_seconds


@cache  # several runs of one process count once
def _count_compiling() -> None:
    jax.monitoring.register_event_duration_secs_listener(_listen)


def _listen(event: str, duration_secs: float, **_: str | int) -> None:
    global _compile_seconds
    if event.startswith("/jax/core/compile/"):
        _compile_seconds += duration_secs


def peak_memory_mb() -> float:
    """The most memory used so far, in MiB: of the GPU, or of the process on a CPU."""
    stats = jax.local_devices()[0].memory_stats() or {}
    if "peak_bytes_in_use" in stats:
        return stats["peak_bytes_in_use"] / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def free_memory() -> int:
    """Bytes that arrays on each device may still take: of the GPU, or of its share of the host."""
    stats = jax.local_devices()[0].memory_stats() or {}
    if "bytes_limit" in stats:
        return stats["bytes_limit"] - stats["bytes_in_use"]
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        free = int(fields["MemAvailable"].split()[0]) * 2**10
    except (OSError, KeyError):  # not Linux: what no process uses, which is less
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    return free // (jax.local_device_count() * _sharers)


def threads() -> int:
    """Threads of XLA on a CPU."""
    if (chosen := os.environ.get("NPROC", "")).isdigit():
        return int(chosen)
    return os.cpu_count() or 1


def environment() -> dict[str, str | int | None]:
    """Versions and hardware, as results.json records them."""
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
        "threads": threads(),
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
