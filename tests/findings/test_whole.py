"""The document on whole mammograms: its answer follows the figures, in all branches."""

import copy
import json
import shutil

import pytest

from jaxcbis.commands.main import main
from jaxcbis.findings import gathering, whole
from jaxcbis.mammograms.figures import literature
from tests.conftest import ROOT
from tests.findings import made_runs

INTERVALS = {"better": [0.01, 0.09], "within noise": [-0.03, 0.05], "worse": [-0.09, -0.01]}


@pytest.fixture(scope="module")
def gathered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    starts = [("patch", 0), ("patch", 1), ("imagenet", 0), ("imagenet", 1)]
    return gathering.gather([made_runs.write(folder, *each) for each in starts])


def held(gathered: dict, **verdicts) -> dict:
    """The same, with other verdicts of the start from patches against these; None: no such row."""
    found = copy.deepcopy(gathered)
    for row in list(found["differences"]):
        if row["start"] == "patch" and row["against"] in verdicts:
            verdict = verdicts[row["against"]]
            if verdict is None:
                found["differences"].remove(row)
            else:
                interval = INTERVALS[verdict]
                row |= {"verdict": verdict, "difference": sum(interval) / 2,
                        "difference_ci95": interval}  # fmt: skip
    return found


@pytest.mark.parametrize(
    ("sweep", "imagenet", "said"),
    [
        (
            "better", "better",
            "**Yes.** The whole-image classifier is above the patch run's sweep, and above a start "
            "from ImageNet, in AUC per view.",
        ),
        (
            "better", "within noise",
            "**In part.** The whole-image classifier is above the patch run's sweep, and not shown "
            "to differ from a start from ImageNet",
        ),
        (
            "within noise", "better",
            "**Not shown.** The whole-image classifier is not shown to differ from the patch run's "
            "sweep",
        ),
        ("worse", "better", "**No.** The whole-image classifier is below the patch run's sweep"),
        (
            "worse", "worse",
            "**No.** The whole-image classifier is below the patch run's sweep, and below a start "
            "from ImageNet",
        ),
        (
            None, "better",
            "**Not known.** The whole-image classifier is not held against the patch run's sweep, "
            "and above a start from ImageNet",
        ),
        ("better", None, "**In part.** The whole-image classifier is above the patch run's sweep, "
                         "and not held against a start from ImageNet"),
    ],
)  # fmt: skip
def test_the_verdict_comes_first_and_follows_the_differences(gathered, sweep, imagenet, said):
    found = held(gathered, sweep_maximum=sweep, imagenet=imagenet)
    assert whole.answer(found)[0].startswith(said)
    assert whole.text(found).startswith(f"# {whole.TITLE}\n\n1. {said}")


def test_a_difference_is_told_with_its_interval(gathered):
    lines = whole.answer(held(gathered, sweep_maximum="better", imagenet="worse"))
    sweep, imagenet = lines[2:4]
    assert "the classifier is above it, difference +0.05 (+0.01 to +0.09) over 12 views" in sweep
    assert "the classifier is below it, difference -0.05 (-0.09 to -0.01)" in imagenet


def test_what_needs_no_model_stands_beside(gathered):
    said = whole.answer(held(gathered, breast_area="worse", mean_intensity="within noise"))[4]
    assert said.startswith("Without any model: it is below the breast's area (")
    assert "not shown to differ from its mean intensity" in said
    assert "chance (0.50" in said


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("better", "more often than a random point of the breast"),
        ("worse", "less often than a random point of the breast"),
        ("within noise", "not shown to differ from a random point of the breast"),
    ],
)
def test_where_it_looks_is_told_beside_blind_guesses(gathered, verdict, said):
    found = copy.deepcopy(gathered)
    found["runs"][0]["localization"]["over_blind"]["random"]["verdict"] = verdict
    assert said in whole.answer(found)[5]


def test_one_run_alone_has_a_page(tmp_path):
    """Of ImageNet's start, without a sweep, flips or masks."""
    told = made_runs.write(tmp_path, "imagenet")
    path = told / "results.json"
    results = json.loads(path.read_text())
    results |= {"test_flips": None, "test_official": None}
    results["localization"] |= {"pointing_game": None, "pointing_game_ci95": None, "sweep": None}
    path.write_text(json.dumps(results))
    found = gathering.gather([told])
    found["differences"] = [r for r in found["differences"] if r["against"] != "sweep_maximum"]
    text = whole.text(found)
    assert text.startswith(
        f"# {whole.TITLE}\n\n1. **Not known.** The whole-image classifier is not "
    )
    assert "One seed stands behind a figure" in text
    assert "flips averaged" not in text


def test_limits_are_those_of_these_runs(gathered):
    found = copy.deepcopy(gathered) | {"kinds": ["Mass"]}
    for run in found["runs"]:
        run["best"] = {"phase": "all", "epoch": run["config"]["epochs"], "val_loss": 0.5}
    text = " ".join(whole.text(found).split())
    assert "The views hold no calcifications; nothing is said of these." in text
    assert "Of 4 runs, 4 had the lowest validation loss in the last epoch allowed" in text
    assert "They have 96 x 72 pixels, and the literature's 1152 x 896." in text
    assert "At most 2 seeds stand behind a figure" in text
    assert "in the last epoch allowed" not in whole.text(gathered)


def test_the_literature_stands_apart_from_the_runs(gathered):
    text = whole.text(gathered)
    assert "## Measured elsewhere" in text
    for figure in literature.FIGURES:
        assert f"| {figure.name} ({figure.year})" in text
    nothing = gathered | {"data": gathered["data"] | {"name": "another"}}
    assert "Measured elsewhere" not in whole.text(nothing)


def test_the_command_writes_the_page_where_there_are_runs(gathered, tmp_path, capsys):
    results = tmp_path / "results"
    results.mkdir()
    for name in ("study-paper.json", "study-clean.json", "audit.json"):
        shutil.copy(ROOT / "docs/results" / name, results)
    (results / "mammograms.json").write_text(json.dumps(gathered))
    assert main(["findings", str(tmp_path)]) == 0
    page = tmp_path / "findings-mammograms.md"
    assert str(page) in capsys.readouterr().out
    assert page.read_text() == whole.text(gathered)


def test_the_committed_page_is_made_of_the_committed_results():
    path = ROOT / "docs/results/mammograms.json"
    if not path.exists():
        pytest.skip("no mammogram runs are committed")
    found = json.loads(path.read_text())
    assert (ROOT / "docs/findings-mammograms.md").read_text() == whole.text(found)
