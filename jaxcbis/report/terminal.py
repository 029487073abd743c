"""Answers and tables on a screen of 80 columns, and in a file or a pipe."""

import shlex
from collections.abc import Iterable
from pathlib import Path

from rich import box
from rich.console import Console, Group
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from jaxcbis.machine.console import Level, level, link
from jaxcbis.report import answer, tables
from jaxcbis.report.tables import PAPER, Table

#: More columns than any table has.
_UNBOUNDED = 10_000
#: Columns of the labels in front of lines.
_LABELS = 9


def show_run(console: Console, results: dict, folder: Path) -> None:
    """Prints what a run found: the tables if --verbose asks for them, and the answer.

    Args:
      console: where to.
      results: content of the results.json of a finished run.
      folder: of the run.
    """
    show_if_verbose(console, tables.comparison(results), results["notes"])
    console.print()
    console.print(Text(answer.headline(results), style="bold"))
    for warning in answer.warnings(results):
        console.print(Text(f"! {warning}", style="bold yellow"))
    for label, text in answer.lines(results).items():
        say(console, label, text)
    say(console, "Report", link(folder / "report.html"))
    point_to_tables(console, folder)


def show_if_verbose(console: Console, shown: Iterable[Table], notes: Iterable[str]) -> None:
    """Prints tables and notes if --verbose asks for them."""
    if level() >= Level.VERBOSE:
        console.print()
        show(console, shown)
        for note in notes:
            prose(console, f"Note: {note}", indent=2)


def point_to_tables(console: Console, folder: Path) -> None:
    """Says what prints the tables of a folder, unless they were just printed."""
    if level() < Level.VERBOSE:
        say(console, "Tables", f"jaxcbis show {shlex.quote(str(folder))}")


def prose(console: Console, text: str, indent: int = 0) -> None:
    """Prints sentences: a terminal breaks them between words, a file has them in one line."""
    if console.is_terminal:
        console.print(Padding(Text(text), (0, 0, 0, indent)))
    else:
        console.print(Text(" " * indent + text), soft_wrap=True)


def say(console: Console, label: str, text: str | Text) -> None:
    """Prints a line under a label."""
    console.print(Text(f"{label:<{_LABELS}}").append(text), soft_wrap=True)


def show(console: Console, shown: Iterable[Table]) -> None:
    """Prints tables, of which nothing is cut.

    One that is wider than the terminal is wrapped, its first column before its figures. Where no
    terminal sets a width, none is: a reader of a file can scroll to the side.
    """
    for table in shown:
        grid = _grid(table)
        room = console.options.update(max_width=_UNBOUNDED)
        widest = console.measure(grid, options=room).maximum
        if not console.is_terminal:
            grid.width = widest
        elif widest > console.width:
            _keep_figures_whole(grid, table, widest - console.width)
        caption = Padding(Text(table.caption, style="italic"), (0, 0, 1, 2))
        below = [caption] if table.caption else []
        title = Text(table.title, style="bold")
        console.print(Group(title, grid, *below), crop=console.is_terminal)


def _grid(table: Table) -> Grid:
    grid = Grid(box=box.SIMPLE_HEAD)
    for index, column in enumerate(table.columns):
        grid.add_column(escape(column), justify="right" if index else "left", overflow="fold")
    for row in table.rows:
        grid.add_row(*map(escape, row), style="dim" if row[0] == PAPER else None)
    return grid


def _keep_figures_whole(grid: Grid, table: Table, excess: int) -> None:
    """Wraps the first column alone, where its words can give way so far.

    Args:
      grid, table: the same table.
      excess: columns that it is too wide.
    """
    names = [table.columns[0], *(row[0] for row in table.rows)]
    needed = max(len(word) for name in names for word in name.split() or [""])
    if max(map(len, names)) - excess >= needed:
        for column in grid.columns[1:]:
            column.no_wrap = True
