"""Several devices against one at the same batches, each number of them in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.differences import assert_within

ROOT = Path(__file__).resolve().parents[2]


def measure(devices: int, folder: Path) -> dict[str, np.ndarray]:
    env = os.environ | {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(devices)}
    words = [sys.executable, "-m", "tests.training.on_devices", folder / f"{devices}.npz"]
    subprocess.run(words, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    return dict(np.load(folder / f"{devices}.npz"))


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return measure(1, tmp_path_factory.mktemp("alone"))


@pytest.mark.parametrize("devices", [2, 4, 8])
def test_several_devices_find_what_one_finds(devices, alone, tmp_path, request):
    if devices < 8 and not request.config.getoption("--full"):
        pytest.skip("only with --full")
    found = measure(devices, tmp_path)
    assert found.pop("devices") == devices
    for name, expected in alone.items():
        if name == "devices":
            continue
        what = f"{devices} devices against one, relative"
        assert_within(1e-5, found[name], expected, what, scale=np.abs(expected).max(), detail=name)
