"""Each figure stands beside its like, and everything fits 80 columns."""

import io

import pytest
from rich.console import Console

from jaxcbis.labels import LABELS
from jaxcbis.report import formats, paper, tables
from jaxcbis.report.verdict import verdict, warnings
from tests.report.example_run import results as example


def shown(renderable) -> str:
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(renderable)
    return console.file.getvalue()


def rows(run: dict) -> dict[str, list[str]]:
    """First cell -> the other cells of every row of a run's tables."""
    return {
        row[0]: list(row[1:])
        for table in tables.comparison(run)
        for row in table.rows
        if row[0] != tables.PAPER
    }


@pytest.mark.parametrize(
    "run",
    [
        example(),
        example(backbone="vgg19", strategy="s1", demo=True),
        example(backbone="vgg16", absent=(1, 3)),
    ],
    ids=["paper", "demo", "absent classes"],
)
def test_fits_80_columns_without_cutting(run):
    text = shown(tables.beside_paper(run))
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert "…" not in text
    for label in LABELS:
        assert label in text


def test_like_stands_beside_like():
    run, published = example(), paper.ROWS["resnet50", "s2"]
    table = rows(run)
    assert table["accuracy (95 % interval)"][1] == "0.70"
    assert table["accuracy (95 % interval)"][0].startswith(f"{run['test']['accuracy']:.2f} (")
    assert table["the same without label normalisation"][1] == tables.NONE
    assert table["AUC, hard labels"] == [f"{run['test']['auc_hard_mean']:.2f}", "0.81"]
    assert table["AUC, probabilities"] == [f"{run['test']['auc_mean']:.2f}", tables.NONE]
    assert table["LL score"] == [f"{run['localization']['ll_score']:.3f}", "0.200"]
    all_ones = run["localization"]["baselines"]["all_ones"]
    assert table["LL of an all-ones map"] == [f"{all_ones:.3f}", tables.NONE]
    assert table["accuracy x LL"][1] == "0.140"
    assert table["paper, Table III"] == ["0.81", *(f"{a:.2f}" for a in published.auc.values())]
    assert table["hard labels"][1] == f"{run['test']['per_class']['BACKGROUND']['auc_hard']:.2f}"
    assert table["probabilities"][1] == f"{run['test']['per_class']['BACKGROUND']['auc']:.2f}"


def test_paper_rows_follow_ours_in_report_and_confusion():
    report, confusion = tables.comparison(example())[-2:]
    for table in (report, confusion):
        assert [row[0] for row in table.rows[1::2]] == [tables.PAPER] * 5
    assert report.rows[1][1:] == ("0.78", "0.98", "0.87", "123")
    assert confusion.rows[1][1:] == ("0.98", "0.00", "0.02", "0.00", "0.01")


def test_epochs_count_over_phases_without_the_starting_weights():
    assert tables.epochs_to_best(example()) == 3 + 2


def test_a_run_without_a_like_in_the_paper_says_so():
    run = example(backbone="resnet34")
    text = shown(tables.beside_paper(run))
    assert "The paper has no row for this backbone and strategy." in text
    assert "Paper:" not in text
    assert not any(row[0] == tables.PAPER for t in tables.comparison(run) for row in t.rows)


def test_every_title_marks_demo_data():
    for table in tables.comparison(example(demo=True)):
        assert table.title.endswith("DEMO DATA, random weights")
    for table in tables.comparison(example()):
        assert "DEMO" not in table.title


def test_notes_are_printed_as_they_are():
    assert "A note with [brackets] and <markup>." in shown(tables.beside_paper(example()))


def test_another_protocol_is_named():
    run = example()
    run["config"]["protocol"] = "clean"
    assert "this run does not" in shown(tables.beside_paper(run)).replace("\n", " ")


def test_an_unfinished_run_has_no_tables():
    run = example() | {"status": "interrupted", "test": None, "localization": None}
    assert tables.comparison(run) == []
    assert "not been tested" in verdict(run)[0]
    assert "interrupted" in warnings(run)[0]


def test_data_set_beside_table_one():
    counts = {"train": dict.fromkeys(LABELS, 7), "test": dict.fromkeys(LABELS, 3)}
    text = shown(tables.beside_table_one(counts, demo=True))
    assert "DEMO DATA" in text
    assert "7 | 644" in text
    assert "3 | 310" in text
    assert "35 | 2530" in text
    assert "15 | 857" in text


def test_verdict_compares_with_the_paper_only_on_real_data_and_its_protocol():
    assert "the paper's 0.70 lies below the interval" in verdict(example())[0]
    assert "the paper's" not in verdict(example(demo=True))[0]
    assert "the paper's" not in verdict(example(absent=(1, 3)))[0]
    clean = example()
    clean["config"]["protocol"] = "clean"
    assert "the paper's" not in verdict(clean)[0]


def test_verdict_holds_localisation_against_maps_that_saw_nothing():
    run = example()
    assert "no better than maps that have seen no image" in verdict(run)[1]
    run["localization"]["ll_score"] = 0.9
    assert ", better than maps" in verdict(run)[1]
    run["localization"]["ll_score"] = None
    assert "not scored" in verdict(run)[1]


def test_warnings_name_every_limit():
    found = " ".join(warnings(example(demo=True)))
    for word in ("Demo data", "Random weights", "Label normalisation", "Leakage", "Dropped: 1"):
        assert word in found
    assert "Demo data" not in " ".join(warnings(example()))


@pytest.mark.parametrize("form", [formats.markdown, formats.latex, formats.comma_separated])
def test_a_table_without_rows_is_its_head(form):
    text = form(tables.Table("Pairs", ("one", "other"), ()))
    assert "one" in text
    assert "other" in text
