"""A table as Markdown, LaTeX and CSV."""

import csv
from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

from jaxcbis.report.tables import Table


def markdown(table: Table) -> str:
    """A heading, the table, and its caption."""
    cells = [tuple(cell.replace("|", "\\|") for cell in row) for row in table.rows]
    return _joined(f"## {table.title}", _grid(table, cells, "github"), table.caption)


def latex(table: Table) -> str:
    """A table environment for the package booktabs."""
    escaped = {"%": "\\%", "&": "\\&", "_": "\\_", "#": "\\#"}
    title, caption = (
        "".join(escaped.get(letter, letter) for letter in text)
        for text in (table.title, table.caption)
    )
    return _joined(
        "\\begin{table}\n\\centering",
        f"\\caption{{{title}. {caption}}}",
        _grid(table, table.rows, "latex_booktabs"),
        "\\end{table}",
    )


def write_csv(table: Table, path: Path) -> None:
    """Writes head and rows as they are."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(table.columns)
        writer.writerows([cell.strip() for cell in row] for row in table.rows)


def _grid(table: Table, rows: Sequence[tuple[str, ...]], form: str) -> str:
    sides = ("left", *("right",) * (len(table.columns) - 1))
    return tabulate(
        rows, headers=table.columns, tablefmt=form, disable_numparse=True, colalign=sides
    )


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
