"""Tests. Imported before anything that counts the machine's cores."""

import os

CORES = range(os.cpu_count() or 1)
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")

if WORKER and hasattr(os, "sched_setaffinity"):
    # With -n auto every core has a process, whose threads for all cores would wait for each other.
    os.sched_setaffinity(0, {CORES[int(WORKER.removeprefix("gw")) % len(CORES)]})
