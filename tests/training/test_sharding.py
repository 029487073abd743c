"""Several devices against one at the same batches, each number of them in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.differences import assert_within

WHAT = "several devices: losses, logits, maps, statistics, relative | one, the same batches"
ROOT = Path(__file__).resolve().parents[2]


def measure(name: str, devices: int, folder: Path) -> dict[str, np.ndarray]:
    env = os.environ | {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(devices)}
    words = [sys.executable, "-m", "tests.training.on_devices", name, folder / f"{devices}.npz"]
    subprocess.run(words, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    return dict(np.load(folder / f"{devices}.npz"))


@pytest.mark.parametrize(
    ("name", "several"),
    [("tiny", (4,)), pytest.param("resnet34", (2, 4, 8), marks=pytest.mark.full)],
)
def test_several_devices_find_what_one_finds(name, several, tmp_path):
    alone = measure(name, 1, tmp_path)
    for devices in several:
        found = measure(name, devices, tmp_path)
        assert found.pop("devices") == devices
        for figure, got in found.items():
            largest, detail = np.abs(alone[figure]).max(), f"{devices} devices, {figure}"
            assert_within(1e-5, got, alone[figure], WHAT, scale=largest, detail=detail)
