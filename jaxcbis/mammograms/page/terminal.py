"""A mammogram run on a screen: its answer, and where its report lies."""

from pathlib import Path

from rich.text import Text

from jaxcbis.machine.console import console, link
from jaxcbis.mammograms.page import answer, tables
from jaxcbis.report import terminal


def show(folder: Path, found: dict) -> None:
    """Prints what a run found: the tables and notes if --verbose asks for them, and the answer.

    Args:
      folder: of the run.
      found: content of its results.json.
    """
    terminal.show_if_verbose(console, tables.of(found), found["notes"])
    console.print()
    console.print(Text(answer.heading(found), style="bold"), soft_wrap=True)
    for warning in answer.warnings(found):
        terminal.prose(console, f"! {warning}")
    for sentence in answer.sentences(found):
        terminal.prose(console, sentence)
    terminal.say(console, "Report", link(folder / "report.html"))
    terminal.point_to_tables(console, folder)
