"""The lines that a run ends with: what they hold, that they fit, and that tables are not cut."""

import copy
import io
import itertools
from collections import Counter

import pytest
from rich.console import Console

from jaxcbis.labels import LABELS
from jaxcbis.report import answer, tables, terminal
from jaxcbis.report.tables import Table
from jaxcbis.study import answer as of_study
from jaxcbis.study import tables as study_tables
from tests.report.example_run import results as example
from tests.study.made import record


def test_a_run_by_the_paper_protocol_stands_beside_the_paper():
    run = example()
    lines = answer.lines(run)
    low, high = run["test"]["accuracy_ci95"]
    said = f"{run['test']['accuracy']:.2f} ({low:.2f} to {high:.2f})"
    assert lines["Accuracy"] == f"{said}, {said} without label normalisation"
    counts = {label: run["test"]["per_class"][label]["support"] for label in LABELS}
    most = max(counts, key=counts.get)
    share = counts[most] / run["test"]["n"]
    assert lines["Blind"] == f"{share:.2f} by always answering {most}; the paper reports 0.70"
    assert answer.warnings(run) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"demo": True},
        {"protocol": "clean"},
        {"backbone": "vgg16"},
        {"absent": (2,)},
    ],
)
def test_what_the_paper_reports_is_held_against_its_like_alone(changes):
    protocol = changes.pop("protocol", "paper")
    run = example(**changes)
    run["config"]["protocol"] = protocol
    assert "paper" not in answer.lines(run)["Blind"]


def test_demo_data_and_random_weights_are_told():
    demo, random = answer.warnings(example(demo=True))
    assert demo.startswith("DEMO DATA")
    assert random.startswith("RANDOM WEIGHTS")


@pytest.mark.parametrize("verdict", ["better", "worse", "within noise"])
def test_maps_stand_beside_the_best_blind_one(verdict):
    line = answer.lines(located(verdict))["Maps"]
    assert line == f"LL score 0.50 (0.40 to 0.60), best blind map 0.40: {verdict}"


def test_where_lesions_lie_anywhere_the_pointing_game_is_told():
    run = located("better")
    run["config"]["protocol"] = "shifted"
    assert answer.lines(run)["Maps"] == (
        "pointing game 0.90 (0.80 to 0.95), best blind map 0.70: within noise"
    )


def test_maps_without_a_comparison_stand_alone():
    run = located("better")
    run["localization"]["against_baselines"] = {}
    assert answer.lines(run)["Maps"] == "LL score 0.50 (0.40 to 0.60)"


def located(verdict) -> dict:
    """A run whose maps are so beside blind ones by the LL score, and within noise by pointing."""
    run = copy.deepcopy(example())
    pointing = {"difference": 0.2, "ci95": [-0.1, 0.3], "verdict": "within noise"}
    against = {"difference": 0.1, "ci95": [0, 1], "verdict": verdict, "pointing_game": pointing}
    run["localization"] |= {
        "ll_score": 0.5, "ll_score_ci95": [0.4, 0.6],
        "pointing_game": 0.9, "pointing_game_ci95": [0.8, 0.95],
        "baselines": {"all_ones": 0.3, "centred_gaussian": 0.4, "grid_ceiling": 0.9},
        "against_baselines": {"centred_gaussian": against},
    }  # fmt: skip
    return run


def test_maps_that_were_not_scored_are_told():
    run = copy.deepcopy(example())
    run["localization"] |= {"ll_score": None, "ll_score_ci95": None}
    assert "not scored" in answer.lines(run)["Maps"]


def test_the_longest_lines_fit_80_columns():
    run = copy.deepcopy(example(backbone="resnet50"))
    run["config"]["protocol"] = "shifted"
    run["test"]["n"] = 10_000
    assert len(answer.headline(run)) <= 80
    for label, text in answer.lines(example()).items():
        assert len(label) < 9
        assert len(text) <= 71, text


@pytest.mark.parametrize("width", [80, 40])
def test_no_table_is_cut(width):
    """Every letter of every cell is on the screen, however narrow it is."""
    study, runs = record()
    shown = [
        *tables.comparison(example(demo=True)),
        *study_tables.of(study, runs).values(),
        Table("Wide", ("name", *"abcdefgh"), [("a b", *["0.64 (0.60 to 0.68)"] * 8)]),
    ]
    for table in shown:
        console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None)
        terminal.show(console, [table])
        text = console.file.getvalue()
        assert max(map(len, text.splitlines())) <= width, table.title
        cells = [table.title, table.caption, *table.columns, *itertools.chain(*table.rows)]
        assert letters(text) == letters("".join(cells)), table.title


def letters(text: str) -> Counter:
    """What can be seen, without the lines of a table."""
    return Counter(letter for letter in text if not letter.isspace() and letter != "─")


def test_a_study_ends_with_its_chosen_models():
    study, runs = record()
    table = of_study.table(study, runs)
    assert [row[0] for row in table.rows] == ["resnet50 s1", "resnet50 s2"]
    assert [row[2] for row in table.rows] == ["0.67", "0.70"]
    for row, run in zip(table.rows, runs.values(), strict=True):
        assert row[1].startswith(f"{run['test']['accuracy']:.2f} (")
        located = run["localization"]
        best = max(located["baselines"][name] for name in located["against_baselines"])
        assert row[4] == f"{best:.2f}"
    console = Console(width=80, file=io.StringIO(), force_terminal=True, color_system=None)
    terminal.show(console, [table])
    assert max(map(len, console.file.getvalue().splitlines())) <= 80
