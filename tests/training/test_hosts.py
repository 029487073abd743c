"""Hosts with clocks of their own save their checkpoints together."""

import socket
import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.full  # the fault is told of, in one process, by test_fit.py
@pytest.mark.parametrize("speeds", [(1, 1000), (1000, 1)])
def test_a_clock_that_is_ahead_parts_nobody(speeds, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    processes = [
        subprocess.Popen(
            [
                sys.executable, "-m", "tests.training.on_hosts", address, str(number), str(speed),
                tmp_path,
            ],
            cwd=ROOT, stderr=subprocess.PIPE, text=True,
        )
        for number, speed in enumerate(speeds)
    ]  # fmt: skip
    said = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert list((tmp_path / "training").iterdir())
