"""A table as Markdown, LaTeX and CSV."""

import csv
import io
from collections.abc import Sequence

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


def comma_separated(table: Table) -> str:
    """Head and rows as they are."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(table.columns)
    writer.writerows([cell.strip() for cell in row] for row in table.rows)
    return text.getvalue()


def _grid(table: Table, rows: Sequence[tuple[str, ...]], form: str) -> str:
    # tabulate 0.9 fails where there are sides to align to and nothing to align.
    sides = ("left", *("right",) * (len(table.columns) - 1)) if rows else None
    return tabulate(
        rows, headers=table.columns, tablefmt=form, disable_numparse=True, colalign=sides
    )


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
