"""A study's tables: what they hold, and that they fit."""

import csv
import io

import numpy as np
from rich.console import Console

from jaxcbis.report import terminal
from jaxcbis.study import tables
from jaxcbis.study.choice import choose
from tests.study.made import record


def test_tables_fit_the_terminal_and_hold_the_figures(tmp_path):
    found, runs = record()
    shown = tables.write(tmp_path, found, runs)
    screen = Console(width=80, file=io.StringIO(), force_terminal=True, color_system=None)
    terminal.show(screen, shown)
    assert "…" not in screen.file.getvalue()
    with (tmp_path / "tables" / "table-2-classification.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["model"] == "resnet50 s1"
    assert rows[0]["accuracy (95 %)"].startswith(f"{runs['s1']['test']['accuracy']:.2f} (")
    assert rows[1]["accuracy (95 %)"].startswith("0.67 (")  # the paper's
    with (tmp_path / "tables" / "differences.csv").open(newline="") as file:
        assert [row["noise"] for row in csv.DictReader(file)] == ["beyond"] * 3
    tex = (tmp_path / "tables.tex").read_text()
    assert tex.count(r"\begin{table}") == len(shown)
    assert "95 \\%" in tex


def test_tables_tell_what_covering_and_maps_say(tmp_path):
    found, runs = record()
    covered = {"lesion_auc_intact": 0.92, "lesion_auc_covered": 0.65, "lesion_auc_elsewhere": 0.91}
    runs["s1"] |= {"covering": covered}
    runs["s1"]["localization"] |= {"pointing_game": 0.94, "pointing_game_ci95": [0.9, 0.97]}
    for name in ("lesion_auc", "malignancy_auc"):  # as in results from before there were these
        del runs["s2"]["test"][name], runs["s2"]["test"][f"{name}_ci95"]
    tables.write(tmp_path, found, runs)
    with (tmp_path / "tables" / "lesion.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["intact"], first["covered"], first["other"]) == ("0.92", "0.65", "0.91")
    test = runs["s1"]["test"]
    low, high = test["malignancy_auc_ci95"]
    expected = f"{test['malignancy_auc']:.2f} ({low:.2f}-{high:.2f})"
    assert first["malignancy AUC (95 %)"] == expected
    assert set(list(second.values())[1:]) == {"–"}
    with (tmp_path / "tables" / "looking.csv").open(newline="") as file:
        assert next(csv.DictReader(file))["pointing (95 %)"] == "0.94 (0.90-0.97)"


def test_tables_tell_the_spread_over_seeds(tmp_path):
    found, runs = record()
    again = [row | {"seed": 1, "test": row["test"] | {"accuracy": 0.5}} for row in found["cells"]]
    tables.write(tmp_path, found | {"chosen": choose(found["cells"] + again)}, runs)
    with (tmp_path / "tables" / "seeds.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    pair = [found["cells"][0]["test"]["accuracy"], 0.5]
    assert row["seeds"] == "2"
    assert row["accuracy"] == f"{np.mean(pair):.3f} ± {np.std(pair, ddof=1):.3f}"
