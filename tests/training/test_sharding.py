"""Several devices against one at the same batches, each number of them in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.differences import assert_within

ROOT = Path(__file__).resolve().parents[2]


def measure(devices: int, folder: Path) -> dict[str, np.ndarray]:
    env = os.environ | {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(devices)}
    words = [sys.executable, "-m", "tests.training.on_devices", folder / f"{devices}.npz"]
    subprocess.run(words, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    return dict(np.load(folder / f"{devices}.npz"))


def test_several_devices_find_what_one_finds(tmp_path, request):
    alone = measure(1, tmp_path)
    for devices in (2, 4, 8) if request.config.getoption("--full") else (8,):
        found = measure(devices, tmp_path)
        assert found.pop("devices") == devices
        for name, got in found.items():
            of_losses = "loss" in name or "accuracy" in name
            part = "losses and accuracy" if of_losses else "logits, maps and statistics"
            what, largest = f"{devices} devices against one: {part}", np.abs(alone[name]).max()
            assert_within(1e-5, got, alone[name], what, scale=largest, detail=name)
