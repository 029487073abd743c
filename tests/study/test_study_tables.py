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


def test_tables_tell_the_spread_over_seeds(tmp_path):
    found, runs = record()
    again = [row | {"seed": 1, "test": row["test"] | {"accuracy": 0.5}} for row in found["cells"]]
    tables.write(tmp_path, found | {"chosen": choose(found["cells"] + again)}, runs)
    with (tmp_path / "tables" / "seeds.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    pair = [found["cells"][0]["test"]["accuracy"], 0.5]
    assert row["seeds"] == "2"
    assert row["accuracy"] == f"{np.mean(pair):.3f} ± {np.std(pair, ddof=1):.3f}"
