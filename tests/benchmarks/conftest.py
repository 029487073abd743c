"""What the tests of the benchmarks share."""

import sys

import pytest

from tests import tiny  # noqa: F401 - registers the backbones of tests


@pytest.fixture(scope="session")
def peer():
    """`benchmarks.peer` with its modules; PyTorch is imported when a test first asks for it."""
    from benchmarks import peer
    from benchmarks.peer import models, rows, training, weights
    from tests import torch_reference  # registers them in PyTorch, too

    assert all((models, rows, training, weights, torch_reference))
    return peer


@pytest.fixture
def python(tmp_path, monkeypatch):
    """Puts a script in Python's place, for the processes that a command starts."""

    def write(script: str):
        file = tmp_path / "python"
        file.write_text(script)
        file.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(file))

    return write
