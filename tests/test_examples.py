"""The notebooks: what they hold, and that they run to the report."""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from jaxcbis import config as options
from jaxcbis.commands.main import parser
from jaxcbis.commands.words import given
from jaxcbis.data import prepared
from tests import stripes
from tests.conftest import ROOT
from tests.processes import ENVIRONMENT

nbformat = pytest.importorskip("nbformat", reason="Jupyter's packages are not installed")

NAMES = ("kaggle", "colab")
#: Cells that are each notebook's own: where it gets the program and the release, and what it keeps.
OWN = {"about", "clone", "install", "download", "parameters", "keep"}
#: In the place of a GPU and an hour.
LITTLE = """
CUT = "--protocol clean --image-size {size}".split()
TRAIN = "--backbone tiny --strategy s2 --weights random --epochs 1 --device cpu".split()
"""


def read(name: str):
    return nbformat.read(ROOT / "examples" / f"{name}.ipynb", as_version=nbformat.NO_CONVERT)


def cells(notebook) -> dict:
    return {cell.id: cell for cell in notebook.cells}


@pytest.mark.parametrize("name", [*NAMES, "python"])
def test_it_holds_no_output_and_nothing_of_who_wrote_it(name):
    notebook = read(name)
    nbformat.validate(notebook)
    assert set(notebook.metadata) <= {
        "kernelspec", "language_info", "kaggle", "colab", "accelerator",
    }  # fmt: skip
    for cell in notebook.cells:
        assert cell.id.replace("-", "").isalpha()
        assert cell.metadata == {}
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
    assert len(cells(notebook)) == len(notebook.cells)


@pytest.mark.parametrize("name", NAMES)
def test_its_options_are_the_programs(name):
    found: dict = {"RELEASES": "x"}
    exec(cells(read(name))["parameters"].source, found)
    for command, words in (("prepare", found["CUT"]), ("train", found["CUT"] + found["TRAIN"])):
        config = options.resolve(given(parser().parse_args([command, "--data", "x", *words])))
        assert config.protocol == "clean"
    assert (config.backbone, config.strategy, config.device) == ("resnet50", "s2", "gpu")


def test_both_run_the_same_cells_behind_the_first_ones():
    """So that running one of them tests both."""
    kaggle, colab = (
        [(cell.id, cell.source) for cell in read(name).cells if cell.id not in OWN]
        for name in NAMES
    )
    assert kaggle == colab
    assert [name for name, _ in kaggle][-1] == "report"


@pytest.mark.parametrize("above", ["jaxcbis", "datasets/someone/jaxcbis", "datasets/me/x/a-main"])
def test_the_clone_is_found_among_kaggles_inputs(above, tmp_path, monkeypatch, capsys):
    """Kaggle puts data sets in folders by owner, or did not; an upload may have one around it."""
    source = cells(read("kaggle"))["clone"].source
    assert source.count("/kaggle/input") == 1
    source = source.replace("/kaggle/input", str(tmp_path / "input"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    with pytest.raises(AssertionError, match="add it as a data set"):
        exec(source, {})
    clone = tmp_path / "input" / above
    (clone / "jaxcbis").mkdir(parents=True)
    (clone / "jaxcbis" / "designs.py").touch()
    (clone / "pyproject.toml").touch()
    for _ in range(2):  # a cell may be run again
        exec(source, {})
    assert sorted(path.name for path in (tmp_path / "temporary" / "jaxcbis").iterdir()) == [
        "jaxcbis", "pyproject.toml",
    ]  # fmt: skip

    (tmp_path / "input" / above).rename(tmp_path / "input" / "one")
    shutil.copytree(tmp_path / "input" / "one", tmp_path / "input" / "two")
    shutil.rmtree(tmp_path / "input" / above.partition("/")[0], ignore_errors=True)
    with pytest.raises(AssertionError, match="set INPUTS to the one"):
        exec(source, {})
    assert f"{tmp_path}/input/two" in capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_of_several_releases_none_is_taken_unasked(name, tmp_path, capsys):
    source = cells(read(name))["find"].source
    for release in ("a", "b"):
        for part in ("csv", "jpeg"):
            (tmp_path / "sets" / release / part).mkdir(parents=True)
    with pytest.raises(AssertionError, match="set INPUT to the one that you mean"):
        exec(source, {"INPUT": str(tmp_path)})
    places = {str(tmp_path / "sets" / release) for release in ("a", "b")}
    assert set(capsys.readouterr().out.splitlines()) == places
    found: dict = {"INPUT": str(tmp_path / "sets" / "b")}
    exec(source, found)
    assert str(found["RELEASE"]) == found["INPUT"]


def listing(folder: Path) -> list:
    return sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*"))


def execute(notebook, folder: Path) -> None:
    """Runs all cells in a folder, where the kernel also keeps what is its own."""
    nbclient = pytest.importorskip("nbclient", reason="Jupyter's packages are not installed")
    environment = ENVIRONMENT | {
        "PYTHONPATH": os.pathsep.join([ENVIRONMENT["PYTHONPATH"], *sys.path]),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(folder / "jupyter"),
    }
    there = {"metadata": {"path": folder}}
    nbclient.NotebookClient(notebook, timeout=300, resources=there).execute(env=environment)


def test_python_trains_on_patches_of_ones_own_and_shows_where_the_model_looks(tmp_path):
    """With the tiny backbone, which learns in seconds and has maps of another grid."""
    notebook = read("python")
    known = cells(notebook)
    known["draw"].source = "import tests.tiny\n" + known["draw"].source
    assert '"resnet34"' in known["train"].source
    known["train"].source = known["train"].source.replace('"resnet34"', '"tiny"')
    execute(notebook, tmp_path)

    said = {name: cell.outputs for name, cell in known.items() if cell.cell_type == "code"}
    assert {output.output_type for output in said["train"]} == {"stream"}  # plain lines
    (shown,) = said["show"]
    assert "<h3>tiny s2, shifted protocol: accuracy" in shown.data["text/html"]
    for name in ("explain", "compare"):
        (plot,) = said[name]
        assert "image/png" in plot.data
    (figures,) = said["evaluate"]
    run = json.loads((tmp_path / "runs" / "own" / "results.json").read_text())
    assert f"'accuracy': {run['test']['accuracy']}" in figures.data["text/plain"]
    assert (tmp_path / "runs" / "own" / "report.html").exists()


def test_it_finds_the_release_trains_and_shows_the_report(demo_dir, tmp_path):
    release = demo_dir / f"cbis_ddsm_demo-{prepared.DEMO_VERSION}" / "release"
    (tmp_path / "input" / "sets" / "someone").mkdir(parents=True)
    (tmp_path / "input" / "sets" / "someone" / "cbis-ddsm").symlink_to(release)
    before = listing(release)
    notebook = read("kaggle")
    notebook.cells = [cell for cell in notebook.cells if cell.id not in {"clone", "install"}]
    known = cells(notebook)
    known["parameters"].source = f"INPUT, KEPT = {str(tmp_path / 'input')!r}, {str(tmp_path)!r}\n"
    known["parameters"].source += 'RUN = f"{KEPT}/run"' + LITTLE.format(size=stripes.SIZE)
    assert '"jaxcbis"' in known["running"].source
    known["running"].source = known["running"].source.replace('"jaxcbis"', '"tests.program"')

    execute(notebook, tmp_path)

    assert json.loads((tmp_path / "run" / "results.json").read_text())["status"] == "finished"
    (shown,) = known["report"].outputs
    assert "atob(" in shown.data["text/html"]
    said = "".join(output.text for output in known["prepare"].outputs)
    assert "CBIS-DDSM from" in said
    assert "\x1b[2K" not in said  # nothing that is drawn over, which a notebook cannot
    assert listing(release) == before
