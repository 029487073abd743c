"""Each figure stands beside its like, and everything fits 80 columns."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from jaxcbis.config import CAM_METHODS
from jaxcbis.evaluation import cam
from jaxcbis.labels import LABELS
from jaxcbis.machine.console import Level, telling
from jaxcbis.report import formats, paper, tables, terminal
from jaxcbis.report.tables import Table
from jaxcbis.report.verdict import verdict, warnings
from tests.report.example_run import results as example


def screen(*, is_terminal=True) -> Console:
    return Console(file=io.StringIO(), width=80, color_system=None, force_terminal=is_terminal)


def shown(run: dict) -> str:
    console = screen()
    with telling(Level.VERBOSE):
        terminal.show_run(console, run, Path("run"))
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
    text = shown(run)
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
    assert table["LL of a map of all ones"] == [f"{all_ones:.3f}", tables.NONE]
    found = run["localization"]
    chosen = [f"{found['ll_score_from_validation']:.3f}", tables.NONE]
    assert table["LL, threshold by validation (0.35)"] == chosen
    assert table["average precision of pixels"][0] == f"{found['pixel_ap']:.3f}"
    lesion, malignant = (table[f"AUC, {name}"][0] for name in (
        "lesion or background", "malignant or benign"))  # fmt: skip
    assert lesion.startswith(f"{run['test']['lesion_auc']:.2f} (")
    assert malignant.startswith(f"{run['test']['malignancy_auc']:.2f} (")
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
    text = shown(run)
    assert "The paper has no row for this backbone and strategy." in text
    assert "Paper:" not in text
    assert not any(row[0] == tables.PAPER for t in tables.comparison(run) for row in t.rows)


def test_every_title_marks_demo_data():
    for table in tables.comparison(example(demo=True)):
        assert table.title.endswith("DEMO DATA, random weights")
    for table in tables.comparison(example()):
        assert "DEMO" not in table.title


@pytest.mark.parametrize("method", [*cam.METHODS, cam.SCORE_CAM])
def test_maps_are_called_by_their_name(method):
    """As --cam-method made them, in the table and in the verdict."""
    run = example()
    run["config"]["cam_method"] = method
    named = {
        "gradcam": "Grad-CAM", "gradcam++": "Grad-CAM++", "hirescam": "HiResCAM",
        "layercam": "LayerCAM", "scorecam": "Score-CAM",
    }  # fmt: skip
    assert named == CAM_METHODS
    titles = [table.title for table in tables.comparison(run)]
    assert f"{named[method]} against the lesion masks" in titles
    assert f"Its {named[method]} maps reach" in verdict(run)[1]


WIDE = Table(
    "Wide", ("model, cause removed", "accuracy (95 %)", "change", "area under the curve"),
    [("vgg19 s2, paper protocol, label normalisation", "0.64 (0.60 to 0.68)", "-0.123*", "0.75"),
     ("[bold]", "0.64 (0.60 to 0.68)", "", "0.123456789")],
)  # fmt: skip


def test_a_table_in_a_file_is_as_wide_as_it_needs_to_be():
    console = screen(is_terminal=False)
    terminal.show(console, [WIDE])
    text = console.file.getvalue()
    assert "…" not in text
    for row in (WIDE.columns, *WIDE.rows):
        line = next(line for line in text.splitlines() if line.strip().startswith(row[0]))
        assert all(cell in line for cell in row)


def test_a_table_on_a_narrow_screen_breaks_its_first_column_and_loses_nothing():
    console = screen()
    terminal.show(console, [WIDE])
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    for cell in (*WIDE.columns[1:], *WIDE.rows[0][1:], *WIDE.rows[1]):
        assert cell in text


def test_notes_are_printed_as_they_are():
    assert "A note with [brackets] and <markup>." in shown(example())


def test_another_protocol_is_named():
    run = example()
    run["config"]["protocol"] = "clean"
    assert "this run does not" in shown(run).replace("\n", " ")


def test_an_unfinished_run_has_no_tables():
    run = example() | {"status": "interrupted", "test": None, "localization": None}
    assert tables.comparison(run) == []
    assert "not been tested" in verdict(run)[0]
    assert "interrupted" in warnings(run)[0]


def test_data_set_beside_table_one():
    counts = {"train": dict.fromkeys(LABELS, 7), "test": dict.fromkeys(LABELS, 3)}
    console = screen()
    terminal.show(console, [tables.table_one(counts, demo=True)])
    text = console.file.getvalue()
    assert "DEMO DATA" in text
    assert "7 | 644" in text
    assert "3 | 310" in text
    assert "35 | 2530" in text
    assert "15 | 857" in text


def test_verdict_compares_with_the_paper_only_on_real_data_and_its_protocol():
    assert "The paper's 0.70 lies below the 95 % interval" in verdict(example())[0]
    assert "paper" not in verdict(example(demo=True))[0]
    assert "paper" not in verdict(example(absent=(1, 3)))[0]
    clean = example()
    clean["config"]["protocol"] = "clean"
    assert "paper" not in verdict(clean)[0]


def against(verdict, difference, low, high, **pointing):
    return {"difference": difference, "ci95": [low, high], "verdict": verdict} | pointing


def test_verdict_holds_localisation_against_the_best_map_without_a_model():
    """On a centred cut that is another one than where lesions lie anywhere."""
    run = example()
    found = run["localization"]
    found |= {
        "ll_score": 0.61,
        "baselines": found["baselines"] | {"all_ones": 0.5, "centred_gaussian": 0.594},
        "against_baselines": {
            "all_ones": against("better", 0.11, 0.054, 0.16),
            "centred_gaussian": against("within noise", 0.016, -0.02, 0.04),
        },
    }
    said = (
        "within noise of a centred Gaussian, the best blind map (0.59; difference "
        "+0.02, 95 % interval -0.02 to +0.04)"
    )
    assert verdict(run)[1] == (
        "Its Grad-CAM maps reach an LL score of 0.61, within noise of the best blind map (a "
        "centred Gaussian, 0.59)."
    )
    assert f"The run's maps are {said}." in " ".join(shown(run).split())
    found["baselines"]["all_ones"] = 0.72
    found["against_baselines"]["all_ones"] = against("worse", -0.11, -0.2, -0.01)
    assert "0.61, worse than the best blind map (a map of all ones, 0.72)." in verdict(run)[1]
    found |= {
        "pointing_game": 0.94,
        "baselines": found["baselines"] | {"all_ones": 0.12, "blurred_brightness": 0.13},
        "against_baselines": {
            "centred_gaussian": against(
                "better", 0.38, 0.3, 0.4, pointing_game=against("better", 0.6, 0.5, 0.7)
            ),
            "blurred_brightness": against(
                "better", 0.48, 0.4, 0.5, pointing_game=against("better", 0.39, 0.345, 0.434)
            ),
        },
    }
    assert "0.61, better than the best blind map (a centred Gaussian, 0.59)." in verdict(run)[1]
    pointing = (
        "better than the blurred brightness, the best blind map (0.55; difference "
        "+0.39, 95 % interval +0.34 to +0.43)"
    )
    assert verdict(run)[1].endswith(
        ". They peak on the lesion in 94 % of the correctly classified ones, better than the best "
        "blind map (the blurred brightness, 55 %)."
    )
    assert f"Their pointing game is {pointing}." in " ".join(shown(run).split())
    found["ll_score"] = None
    assert "not scored" in verdict(run)[1]


def test_the_covering_test_is_told_where_there_is_one():
    run = example()
    assert len(verdict(run)) == 2
    run["covering"] = {
        "n": 90, "n_background": 40,
        "lesion_auc_intact": 0.92, "lesion_auc_intact_ci95": [0.9, 0.94],
        "lesion_auc_covered": 0.65, "lesion_auc_covered_ci95": [0.6, 0.7],
        "lesion_auc_elsewhere": 0.91, "lesion_auc_elsewhere_ci95": [0.89, 0.93],
        "covered_less_intact": {"difference": -0.27, "ci95": [-0.32, -0.21]},
        "elsewhere_less_intact": {"difference": -0.01, "ci95": [-0.02, 0.004]},
        "covered_less_elsewhere": {"difference": -0.26, "ci95": [-0.31, -0.2]},
    }  # fmt: skip
    change = (
        "takes the AUC of lesion against background from 0.92 to 0.65, covering as much beside it "
        "to 0.91."
    )
    assert verdict(run)[2] == f"The model uses the lesion: covering it {change}"
    between = "Lesion covered less as much covered elsewhere: -0.26 (95 % interval -0.31 to -0.20)."
    assert between in tables.covering(run).caption
    run["covering"]["covered_less_elsewhere"]["ci95"][1] = 0.01
    unshown = "It is not shown that the model uses the lesion"
    assert verdict(run)[2] == f"{unshown}: covering it {change}"
    run["covering"]["covered_less_elsewhere"]["ci95"] = None  # one patient
    assert verdict(run)[2] == f"Covering the lesion {change}"
    assert "less as much" not in tables.covering(run).caption
    table = rows(run)
    assert table["as it is"] == ["0.92 (0.90 to 0.94)", tables.NONE]
    assert table["lesion covered"] == ["0.65 (0.60 to 0.70)", "-0.27 (-0.32 to -0.21)"]
    assert table["as much covered elsewhere"] == ["0.91 (0.89 to 0.93)", "-0.01 (-0.02 to +0.00)"]
    text = shown(run)
    told = "The 90 lesions with as much room beside them, mostly smaller ones, against 40"
    assert told in " ".join(text.split())
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    alone = dict.fromkeys(run["covering"]) | {
        "n": 0, "n_background": 40,
        "covered_less_intact": {"difference": None, "ci95": None},
        "elsewhere_less_intact": {"difference": None, "ci95": None},
    }  # fmt: skip
    assert len(verdict(run | {"covering": alone})) == 2
    assert rows(run | {"covering": alone})["lesion covered"] == [tables.NONE] * 2


def test_verdict_on_results_without_a_comparison_tells_what_is_known():
    """Of one patient there is no interval; results from before there was one hold none."""
    run = example()
    found = run["localization"]
    found |= {
        "ll_score": 0.61,
        "baselines": {"all_ones": 0.5, "centred_gaussian": 0.594, "grid_ceiling": 0.9},
    }
    unknown = {"difference": 0.11, "ci95": None, "verdict": None}
    for known in ({"all_ones": unknown, "centred_gaussian": unknown}, None):
        found["against_baselines"] = known
        assert verdict(run)[1] == (
            "Its Grad-CAM maps reach an LL score of 0.61; the best blind map, a centred "
            "Gaussian, reaches 0.59, and whether that is within noise is not known."
        )


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
