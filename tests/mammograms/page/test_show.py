"""show and report know a mammogram run by its kind."""

import json
import subprocess
import sys

import pytest

from jaxcbis.commands.main import main
from jaxcbis.mammograms.page import answer, tables
from tests.mammograms import example_run


@pytest.fixture
def folder(tmp_path):
    """Of a run that has left its results alone."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "results.json").write_text(json.dumps(example_run.results()))
    return tmp_path / "run"


def test_show_prints_answer_and_tables_at_80_columns(folder, capsys):
    assert main(["show", str(folder)]) == 0
    text = capsys.readouterr().out
    run = example_run.results()
    for table in tables.of(run):
        assert table.title in text
    for line in (*answer.sentences(run), *answer.warnings(run), "Note: A note with [brackets]"):
        assert line in text
    assert text.splitlines()[-1] == f"Report   {folder / 'report.html'}"
    of_literature = text.split("Measured elsewhere")[1].split("As printed")[0].splitlines()
    rows = [row for row in text.splitlines() if row.startswith(" ") and row not in of_literature]
    assert max(map(len, rows)) <= 82  # two spaces stand behind the last column


def test_nothing_heavy_is_loaded(folder):
    asks = (
        "import sys; from jaxcbis.commands.main import main; main(['show', sys.argv[1]]); "
        "print({'jax', 'flax', 'matplotlib', 'sklearn', 'cv2'} & sys.modules.keys())"
    )
    words = [sys.executable, "-c", asks, folder]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_report_builds_the_page_again(folder, capsys):
    assert main(["report", str(folder)]) == 0
    assert capsys.readouterr().out.split() == [str(folder / "report.html")]
    assert "AUC per view" in (folder / "report.html").read_text()
    assert (folder / "figures" / "roc.png").is_file()


def test_what_cannot_be_shown_is_refused(folder, refused_here):
    run = example_run.results()

    def refused(word: str = "show", *more, **changed) -> str:
        (folder / "results.json").write_text(json.dumps(run | changed))
        return refused_here(word, folder, *more)

    assert "the run is not finished" in refused(status="interrupted")
    assert "has no test: no results of a run of this version" in refused(test=None)
    assert "has no config" in refused("report", config=None)
    compared = refused("report", "--output", "x.html")
    assert "of one comparison; give the folders of two runs or more" in compared
