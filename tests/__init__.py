"""Tests. Imported before anything that counts the machine's cores."""

import os
import tempfile
from pathlib import Path

CORES = range(os.cpu_count() or 1)
#: Those that the tests may use.
ALLOWED = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(CORES)
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")

if WORKER and hasattr(os, "sched_setaffinity"):
    # With -n auto every core has a process, whose threads for all cores would wait for each other.
    os.sched_setaffinity(0, {ALLOWED[int(WORKER.removeprefix("gw")) % len(ALLOWED)]})

# Most of the time goes into compiling the same few steps: each is compiled once, for all processes.
COMPILED = Path(tempfile.gettempdir()) / f"jaxcbis-tests-{os.getuid()}"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(COMPILED))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.3")

# What is called identical must be so on a GPU, too, and other implementations' float32 is no TF32.
os.environ.setdefault("XLA_FLAGS", "--xla_gpu_exclude_nondeterministic_ops=true")
os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "highest")
