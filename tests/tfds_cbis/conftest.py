"""Releases that several tests read."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tfds_cbis.healthy_release import Healthy
from tests.tfds_cbis.toy_release import ToyRelease
from tfds_cbis.release.phantom import write_release


@pytest.fixture
def toy(tmp_path) -> ToyRelease:
    return ToyRelease(tmp_path / "release")


@pytest.fixture(scope="session")
def memory() -> Iterator[Path]:
    """A folder in memory where there is one: a disk takes long to make and remove many files."""
    place = "/dev/shm"
    with tempfile.TemporaryDirectory(dir=place if os.access(place, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def healthy(memory) -> Healthy:
    """A small release of which all is known; to be read only."""
    return Healthy(memory / "healthy")


@pytest.fixture(scope="session")
def small_demo(memory) -> Path:
    """A demo release with few patients; to be read only."""
    write_release(memory / "demo", patients=(3, 2))
    return memory / "demo"
