"""What computes here, and what is installed on it."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax

from benchmarks import measure
from jaxcbis.machine import backend, device

_PACKAGES = (
    "jax", "jaxlib", "flax", "optax", "numpy", "torch", "torchvision", "grad-cam",
    "tensorflow-datasets",
)  # fmt: skip


def start(wanted: str) -> str:
    """Starts JAX with all cores of this process on the device of --device: 'cpu' or 'gpu'.

    Raises:
      UserError: there is no such device.
    """
    return "cpu" if backend.start(wanted, measure.cores()).platform == "cpu" else "gpu"


def header(kind: str, schema: int) -> dict[str, Any]:
    """What all results begin with.

    Returns:
      {'kind', 'schema', 'hardware', 'versions'}; the version of an absent package is None.
    """
    environment = device.environment(backend.start("auto").threads)
    hardware: dict = {
        key: environment[key] for key in ("backend", "device", "host_cores", "threads")
    }
    hardware |= {"processor": processor(), "memory_gib": _memory_gib()}
    hardware["precision"] = "float32" if jax.default_backend() == "cpu" else "bfloat16"
    versions: dict = {"python": environment["python"], "git_commit": environment["git_commit"]}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return {"kind": kind, "schema": schema, "hardware": hardware, "versions": versions}


def processor() -> str:
    """The CPU's name, or its architecture where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError):
        return None
