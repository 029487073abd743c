"""Fixtures shared by all tests: where the real data and weights lie, if they do."""

import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from jaxcbis.commands.main import main
from jaxcbis.data import prepared
from jaxcbis.machine import backend
from jaxcbis.records.folders import turn
from tests import WORKER, differences

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def pytest_sessionstart():
    """Starts JAX as a command does, and before any test: later it could not choose any more."""
    backend.start("auto", len(os.sched_getaffinity(0)) if WORKER else None)


def pytest_addoption(parser):
    parser.addoption(
        "--full",
        action="store_true",
        help="also what takes long: real backbones, 50 kills, a release of the real size",
    )


def pytest_runtest_setup(item):
    if item.get_closest_marker("full") and not item.config.getoption("--full"):
        pytest.skip("only with --full")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real CBIS-DDSM excerpts; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("JAXCBIS_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"real mammography data not found at {folder}; set JAXCBIS_SHARED")
    return folder


@pytest.fixture(scope="session")
def keras_weights() -> Path:
    """Folder with Keras-applications ImageNet files; set JAXCBIS_WEIGHTS to use them."""
    folder = os.environ.get("JAXCBIS_WEIGHTS")
    if not folder or not Path(folder).is_dir():
        pytest.skip("real ImageNet weights not found; set JAXCBIS_WEIGHTS to their folder")
    return Path(folder)


@pytest.fixture(scope="session")
def browser():
    """One for all tests of pages: it is slow to start."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} found; apt-get install {BROWSERS[0]}")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    api.expect.set_options(timeout=15_000)  # the usual 5 s are too short on a busy machine
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found)
        yield chromium
        chromium.close()


@pytest.fixture
def refused_here(capfd):
    """Runs a command in this process that must fail as the user's fault; returns its one line."""

    def refused(*words) -> str:
        capfd.readouterr()
        assert main([*map(str, words)]) == 2
        (line,) = capfd.readouterr().err.strip().splitlines()
        return line

    return refused


@pytest.fixture(scope="session")
def demo_dir(tmp_path_factory) -> Path:
    """A --data-dir with a smaller demo set, which all processes of `-n` share: prepared once."""
    from tfds_cbis.release import phantom

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if WORKER else base) / "demo"
    place = folder / f"cbis_ddsm_demo-{prepared.DEMO_VERSION}"
    with turn(place):
        if not (place / "release").exists():
            phantom.write_release(place / "release", patients=(6, 4))
    return folder


@pytest.fixture(scope="session")
def torch() -> Any:
    """PyTorch, for tests that compare with it alone: it takes seconds to import."""
    pytest.importorskip("torch", reason="PyTorch is not installed")
    import torch

    import benchmarks.peer.models  # before anything imports torchvision

    assert benchmarks.peer.models
    return torch


@pytest.fixture(scope="session")
def torch_reference(torch) -> Any:
    """The module of that name, which imports PyTorch."""
    from tests import torch_reference

    return torch_reference


@pytest.fixture(scope="session")
def reference(torch_reference, tmp_path_factory) -> Callable[..., tuple[Any, Any]]:
    """By the name of a backbone, torchvision's model and ours with its weights; made once.

    They are read from a file with the given suffix, and built with the given options. Who changes
    one changes a copy.
    """
    folder = tmp_path_factory.mktemp("references")

    @cache
    def of(name: str, suffix: str = ".safetensors", **options: Any) -> tuple[Any, Any]:
        module = torch_reference.backbone(name, **options)
        return module, torch_reference.load(name, module, folder / f"{name}{suffix}", **options)

    return of


def pytest_sessionfinish(session):
    """With several processes (`-n`), each hands over what it has seen."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["differences"] = differences.seen


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    """Takes what a process of `-n` hands over."""
    for what, (largest, bound) in getattr(node, "workeroutput", {}).get("differences", {}).items():
        differences.note(what, largest, bound)


def pytest_terminal_summary(terminalreporter):
    if lines := differences.table():
        terminalreporter.section("largest differences from other implementations")
        for line in lines:
            terminalreporter.write_line(line)
