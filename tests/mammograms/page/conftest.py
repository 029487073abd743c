"""One made-up run for all tests of the report."""

import shutil
from pathlib import Path

import pytest

from jaxcbis.mammograms.page import document
from tests.mammograms import example_run
from tests.quick_figures import quick_figures  # noqa: F401
from tests.report.conftest import open_report  # noqa: F401


@pytest.fixture(scope="package")
def made(tmp_path_factory, quick_figures) -> Path:  # noqa: F811
    """The folder of a finished run with its report; not to be written to."""
    folder = example_run.write(tmp_path_factory.mktemp("whole") / "run")
    document.write(folder)
    return folder


@pytest.fixture
def copy(made, tmp_path) -> Path:
    """The same to do what one likes with."""
    return Path(shutil.copytree(made, tmp_path / "run"))
