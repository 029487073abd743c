"""What an installation puts on a user's import path."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import jaxcbis
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """A copy of what packaging reads, in a folder with the name that a clone has."""
    folder = tmp_path_factory.mktemp("clone") / "jaxcbis"
    folder.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for name in ("jaxcbis", "tfds_cbis", "benchmarks", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def build(clone: Path, folder: Path, kind: str) -> zipfile.ZipFile:
    """Calls the project's build backend, as pip does."""
    code = f"from setuptools import build_meta; build_meta.build_{kind}({str(folder)!r})"
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=clone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob("*.whl")
    return zipfile.ZipFile(file)


def test_the_wheel_installs_two_packages_and_their_data(clone, tmp_path):
    with build(clone, tmp_path, "wheel") as wheel:
        names = wheel.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"jaxcbis", "tfds_cbis"}
    data = {name for package in ("jaxcbis", "tfds_cbis") for name in _data(clone / package)}
    assert {"jaxcbis/py.typed", "tfds_cbis/py.typed"} <= data
    assert data <= set(names)


def _data(package: Path) -> list[str]:
    """Files of a package that are no modules."""
    files = [file for file in package.rglob("*") if file.is_file() and file.suffix != ".py"]
    return [str(file.relative_to(package.parent)) for file in files]


def test_beside_the_clone_an_editable_installation_is_found(clone, tmp_path):
    """There the clone itself is a folder `jaxcbis` without `__init__.py`."""
    with build(clone, tmp_path, "editable") as wheel:
        wheel.extractall(tmp_path / "site")
    code = "import site, sys; site.addsitedir(sys.argv[1]); import jaxcbis, benchmarks\n"
    code += "print(jaxcbis.__file__, benchmarks.__file__, sep='\\n')"
    words = [sys.executable, "-S", "-c", code, str(tmp_path / "site")]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(words, cwd=clone.parent, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    packages = ("jaxcbis", "benchmarks")
    assert done.stdout.split() == [str(clone / name / "__init__.py") for name in packages]


def test_ci_and_containers_name_what_is_there():
    scripts = [*(ROOT / ".ci").iterdir(), *(ROOT / "containers").iterdir()]
    words = " ".join(script.read_text(encoding="utf-8") for script in scripts).split()
    named = {word for word in words if word.startswith("tests/")}
    copied = re.findall(r"^COPY (.*) \S+$", (ROOT / "containers/cpu.Dockerfile").read_text(), re.M)
    named |= set(" ".join(copied).split())
    assert len(named) > 10
    assert not [name for name in named if not (ROOT / name).exists()]


def test_the_citation_is_of_this_version():
    with (ROOT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert jaxcbis.__version__ == version
