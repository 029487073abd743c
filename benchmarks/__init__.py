"""Speed beside PyTorch, as ratios measured on one machine in one run."""

import os
from pathlib import Path

#: Of the clone, in which the commands' processes run.
ROOT = Path(__file__).resolve().parent.parent

# Read when JAX starts: it shares a GPU with PyTorch.
os.environ.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", "0.45")

# How PyTorch's threads wait for each other stays OpenMP's default, to spin for a moment and then to
# sleep. On two cores of their own, ResNet50's forward pass and training step took 9 to 33 % longer
# in PyTorch where they sleep at once (OMP_WAIT_POLICY=passive), and 42 to 61 % longer in JAX where
# they always spin (active); the default left JAX's as they were.
