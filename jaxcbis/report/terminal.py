"""Tables on a screen of 80 columns, and in a file or a pipe."""

from collections.abc import Iterable

from rich import box
from rich.console import Console, Group
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from jaxcbis.report import tables
from jaxcbis.report.tables import PAPER, Table

#: More columns than any table has.
_UNBOUNDED = 10_000


def show_run(console: Console, results: dict) -> None:
    """Prints a run's tables and its notes.

    Args:
      console: where to.
      results: content of results.json.
    """
    show(console, tables.comparison(results))
    for note in results.get("notes") or ():
        console.print(Padding(Text(f"Note: {note}"), (0, 0, 0, 2)))


def show(console: Console, shown: Iterable[Table]) -> None:
    """Prints tables.

    Where no terminal sets a width, none is cut: a reader of a file can scroll to the side, but
    not bring back what was left out.
    """
    for table in shown:
        grid = _grid(table)
        if not console.is_terminal:
            room = console.options.update(max_width=_UNBOUNDED)
            grid.width = console.measure(grid, options=room).maximum
        caption = Padding(Text(table.caption, style="italic"), (0, 0, 1, 2))
        below = [caption] if table.caption else []
        title = Text(table.title, style="bold")
        console.print(Group(title, grid, *below), crop=console.is_terminal)


def _grid(table: Table) -> Grid:
    grid = Grid(box=box.SIMPLE_HEAD)
    for index, column in enumerate(table.columns):
        grid.add_column(escape(column), justify="right" if index else "left", no_wrap=bool(index))
    for row in table.rows:
        grid.add_row(*map(escape, row), style="dim" if row[0] == PAPER else None)
    return grid
