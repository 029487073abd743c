"""JAX's backend: starting it, once in a process, with the threads and flags that a run asks for."""

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import jax

from jaxcbis.errors import UserError
from jaxcbis.machine import device, places

#: The first version of jax whose compiler flags have not been looked into.
LOOKED_INTO = (0, 13)

#: YNNPACK's kernels, which XLA's CPU compiler takes by default since it has them. On two cores with
#: AVX-512 its convolutions took 1.0 to 1.7 times, their kernel gradients 1.1 to 4 times as long as
#: Eigen's; its matrix products are the faster ones and stay.
_YNNPACK = "xla_cpu_experimental_ynn_fusion_type"
#: Only operations that give the same bits twice. `--xla_gpu_autotune_level=0` must not stand beside
#: it: on an H200 the kernels that are chosen then had not ended an epoch after 110 s.
_DETERMINISTIC = "--xla_gpu_deterministic_ops=true"
#: Of a GPU's memory for all processes together: what libraries take is left out.
_USABLE = 0.9


class Started(NamedTuple):
    """How JAX was started in this process.

    Attributes:
      threads: of XLA on a CPU.
      deterministic: whether a GPU has only operations that give the same bits twice.
    """

    threads: int
    deterministic: bool

    @property
    def platform(self) -> str:
        """'cpu' or 'gpu'."""
        return jax.default_backend()


class Share(NamedTuple):
    """What a process gets of a host on which several do runs of their own.

    Attributes:
      number: of the process; without a GPU each has the CPU.
      processes: that share the host; one GPU serves as many as any other.
      devices: of the host.
    """

    number: int
    processes: int
    devices: int


#: JAX starts once in a process, and does not tell afterwards with how many threads and which flags.
_started: Started | None = None


def start(
    name: str,
    threads: int | None = None,
    *,
    deterministic: bool = False,
    share: Share | None = None,
) -> Started:
    """Starts JAX on a device; must come before any computation.

    Again in the same process it only checks that the device is the one asked for. The environment
    is as before when it returns.

    Args:
      name: 'cpu', 'gpu', or 'auto' for a GPU where there is one.
      threads: on a CPU, unless the user has set NPROC: how XLA splits a sum hangs on their number,
        and so does its last digit. If None, one for each core of the machine, so that a run that
        may use only some of them ends in the same digits.
      deterministic: on a GPU, only operations that give the same bits twice.
      share: of the host, that this process is left; all of it if None.

    Raises:
      UserError: 'gpu' where JAX finds none; or JAX was at work before, so that it is too late to
        choose.
      ValueError: another name.
    """
    global _started
    if name not in ("auto", "cpu", "gpu"):
        raise ValueError(f"expected auto, cpu or gpu, got {name!r}")
    if _started:
        require_same(_started, jax.devices()[0].platform, name, deterministic)
        return _started
    if has_started():
        raise UserError(
            "JAX has started in this process before jaxcbis could choose its device, threads and "
            "compiler flags; call jaxcbis first"
        )
    if not jax.config.values["jax_compilation_cache_dir"]:  # the user has not chosen one
        _keep_programs()
    if share:
        jax.config.update("jax_num_cpu_devices", 1)
        for kind in ("cuda", "rocm"):
            visible = str(share.number % share.devices)
            jax.config.update(f"jax_{kind}_visible_devices", visible)
    if name != "auto":
        # JAX refuses a platform whose plugin is not installed, and each maker of GPUs has its own:
        # of those that are there it takes a GPU before the CPU by itself.
        jax.config.update("jax_platforms", "cpu" if name == "cpu" else "")
    changes = environment_of_start(os.environ, threads, deterministic, share)
    with _environment(changes):
        found = jax.devices()[0].platform
        if found != "cpu":
            jax.jit(lambda: 0)()  # where there is no CPU, only a first program has the flags read
    if name == "gpu" and found != "gpu":
        raise UserError(
            "--device gpu: JAX finds no GPU; install jaxcbis[cuda12] or jaxcbis[cuda13] on a "
            "machine with one, or use --device cpu"
        )
    _started = Started(_threads_of(os.environ | changes), deterministic)
    return _started


def _keep_programs() -> None:
    """Has JAX keep what it compiles; the program has settled, and said, where that is."""
    found = places.settle(os.environ)
    if found.changes:
        for line in found.said:
            warnings.warn(line, stacklevel=3)
    settled = {key: value for key, value in (os.environ | found.changes).items() if value}
    if folder := places.compiled(settled):
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def environment_of_start(
    users: Mapping[str, str], threads: int | None, deterministic: bool, share: Share | None
) -> dict[str, str | None]:
    """What JAX must find in the environment when it starts.

    Args:
      users: the environment as it is; the user's own NPROC and compiler flags stay.
      threads, deterministic, share: of `start`.

    Returns:
      What to change, None for what to leave out.
    """
    flags = users.get("XLA_FLAGS", "")
    # XLA ends the process at a flag that it does not know.
    if (0, 8, 1) <= jax.__version_info__ < LOOKED_INTO and _YNNPACK not in flags:
        flags += f" --{_YNNPACK}=individual_dot"
    if deterministic:  # behind the user's own flags, where it counts
        flags += f" {_DETERMINISTIC}"
    changes: dict[str, str | None] = {
        "NPROC": users.get("NPROC", str(threads or os.cpu_count() or 1)),
        "XLA_FLAGS": flags.strip(),
    }
    if share and share.processes > share.devices:
        part = _USABLE * share.devices / share.processes
        changes["XLA_PYTHON_CLIENT_MEM_FRACTION"] = f"{part:.3f}"
        changes["XLA_CLIENT_MEM_FRACTION"] = None  # JAX refuses both
    return changes


@contextmanager
def _environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """The environment changed within it; the process may be a user's, who starts others from it."""
    before = {name: os.environ.get(name) for name in changes}

    def set_to(values: Mapping[str, str | None]) -> None:
        for name, value in values.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    set_to(changes)
    try:
        yield
    finally:
        set_to(before)


def has_started() -> bool:
    """Whether JAX has its devices already, so that none can be chosen any more."""
    devices = jax.config.values["jax_num_cpu_devices"]
    try:  # JAX refuses to change this once it is too late
        jax.config.update("jax_num_cpu_devices", devices + 1)
    except RuntimeError:
        return True
    jax.config.update("jax_num_cpu_devices", devices)
    return False


def require_same(running: Started, platform: str, name: str, deterministic: bool) -> None:
    """Checks that what is asked for is what this process computes on already.

    Args:
      running: how JAX was started.
      platform: that it computes on.
      name, deterministic: of `start`.

    Raises:
      UserError: it is something else.
    """
    if name not in ("auto", "cpu" if platform == "cpu" else "gpu"):
        raise UserError(
            f"--device {name}: this process computes on {device.described()} already; start "
            "another one"
        )
    if deterministic and not running.deterministic and platform != "cpu":
        raise UserError(
            "--deterministic: this process computes without it already; start another one"
        )


def _threads_of(environment: Mapping[str, str | None]) -> int:
    given = environment.get("NPROC") or ""
    return int(given) if given.isdigit() else os.cpu_count() or 1
