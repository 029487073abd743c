"""Releases that several tests read."""

from pathlib import Path

import pytest

from tests.tfds_cbis.toy_release import ToyRelease
from tfds_cbis.release.phantom import write_release


@pytest.fixture
def toy(tmp_path) -> ToyRelease:
    return ToyRelease(tmp_path / "release")


@pytest.fixture(scope="session")
def small_demo(tmp_path_factory) -> Path:
    """A demo release with few patients."""
    folder = tmp_path_factory.mktemp("demo") / "release"
    write_release(folder, patients=(3, 2))
    return folder
