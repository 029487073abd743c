"""show: the answer and the tables of a folder, without JAX."""

import json
import subprocess
import sys

import pytest

from jaxcbis.audit import questions
from jaxcbis.audit import tables as audit_tables
from jaxcbis.commands.main import main
from jaxcbis.report import tables
from jaxcbis.study import tables as study_tables
from tests.audit.looking import made
from tests.report import example_run
from tests.study.made import record


def left(folder, **files):
    """Writes JSON files."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def shown(folder, capsys):
    assert main(["show", str(folder)]) == 0
    return capsys.readouterr().out


def test_a_run(tmp_path, capsys):
    run = example_run.results()
    text = shown(left(tmp_path / "run", results=run), capsys)
    for table in tables.comparison(run):
        assert table.title in text
    assert "Note: A note with [brackets]" in text
    assert text.splitlines()[-1] == f"Report   {tmp_path / 'run' / 'report.html'}"


def test_a_study(tmp_path, capsys):
    study, runs = record()
    folder = left(tmp_path / "study", study=study | {"schema": 1, "status": "finished"})
    for name, run in runs.items():
        left(folder / name, results=run)
    text = shown(folder, capsys)
    for table in study_tables.of(study, runs).values():
        assert table.title in text
    assert "Chosen of 2 runs by validation loss" in text
    assert text.splitlines()[-1] == f"Report   {folder / 'report.html'}"


def test_an_audit(tmp_path, capsys):
    audit = {
        "schema": 1, "rows": [], "baselines": [], "faithfulness": [], "randomization": [],
        "localization": [], "looking": made.looking(), "notes": ["a note"], "runs": [],
    }  # fmt: skip
    folder = left(tmp_path / "audit", audit=audit)
    text = shown(folder, capsys)
    assert "Note: a note" in text
    for table in audit_tables.of(audit):
        assert table.title in text
    for each in questions.of(audit):
        assert each.question in text
    assert text.splitlines()[-1] == f"Report   {folder / 'report.html'}"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "holds none of results.json, study.json, audit.json"),
        (
            {"study": {"schema": 1, "status": "interrupted"}},
            "the study is not finished; give its command again",
        ),
        ({"results": {"schema": 7}}, "schema 7, expected 1"),
    ],
)
def test_what_cannot_be_shown_is_refused(files, said, tmp_path, refused_here):
    assert said in refused_here("show", left(tmp_path / "there", **files))
    assert "is no folder" in refused_here("show", tmp_path / "nowhere")


def test_nothing_heavy_is_loaded(tmp_path):
    folder = left(tmp_path / "run", results=example_run.results())
    asks = (
        "import sys; from jaxcbis.commands.main import main; main(['show', sys.argv[1]]); "
        "print({'jax', 'flax', 'matplotlib', 'sklearn', 'cv2'} & sys.modules.keys())"
    )
    words = [sys.executable, "-c", asks, folder]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
