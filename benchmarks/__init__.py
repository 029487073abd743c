"""Speed beside PyTorch, as ratios measured on one machine in one run."""

import os

# Read when JAX and PyTorch start. The two share a GPU. On a CPU, PyTorch's threads wait for each
# other spinning, which on shared cores makes it several times slower, and takes time from ours.
os.environ.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", "0.45")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
