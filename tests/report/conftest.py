"""One made-up run for all tests of the report: it is slow to make."""

import shutil
from pathlib import Path

import pytest

from tests.report import made_run


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """The folder of a finished run of 40 patches with all that it leaves; not to be written to."""
    return made_run.write(tmp_path_factory.mktemp("made") / "run", count=40)


@pytest.fixture
def copy(made, tmp_path) -> Path:
    """The same to do what one likes with."""
    return Path(shutil.copytree(made, tmp_path / "run"))


@pytest.fixture
def open_report(browser):
    """Opens a file as a person does; fails where the console is not clean or a network is asked."""
    complaints, pages = [], []

    def open_file(path: Path, fragment: str = "", **options):
        page = browser.new_page(**options)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda r: complaints.append(r.url) if not r.url.startswith(("file:", "data:")) else 0,
        )
        page.goto(path.as_uri() + fragment)
        pages.append(page)
        return page

    yield open_file
    for page in pages:
        page.close()
    assert complaints == []
