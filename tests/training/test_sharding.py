"""Several devices, in a process of their own, against one at the same batches."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jaxcbis.training import kept_activations
from tests.differences import assert_within
from tests.training import on_devices

WHAT = "several devices: losses, logits, maps, statistics, relative | one, the same batches"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def alone(monkeypatch):
    """What a backbone finds on the one device of this process."""
    monkeypatch.setattr(kept_activations, "SHARE", kept_activations.SHARE)  # it is changed
    return on_devices.find


def measure(name: str, devices: int, folder: Path) -> dict[str, np.ndarray]:
    env = os.environ | {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(devices)}
    words = [sys.executable, "-m", "tests.training.on_devices", name, folder / f"{devices}.npz"]
    subprocess.run(words, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    return dict(np.load(folder / f"{devices}.npz"))


@pytest.mark.parametrize(
    ("name", "several"),
    [("tiny", (4,)), pytest.param("resnet34", (2, 4, 8), marks=pytest.mark.full)],
)
def test_several_devices_find_what_one_finds(name, several, alone, tmp_path):
    expected = alone(name) | (on_devices.find_whole() if name == "tiny" else {})
    assert expected.pop("devices") == 1
    for devices in several:
        found = measure(name, devices, tmp_path)
        assert found.pop("devices") == devices
        for figure, got in found.items():
            largest, detail = np.abs(expected[figure]).max(), f"{devices} devices, {figure}"
            assert_within(1e-5, got, expected[figure], WHAT, scale=largest, detail=detail)
