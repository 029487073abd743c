"""What an audit found, in the questions and answers that its command ends with."""

from pathlib import Path

from jaxcbis.audit import questions, tables
from jaxcbis.machine.console import Level, console, level, link
from jaxcbis.report import terminal


def show(folder: Path, audit: dict) -> None:
    """Prints what was found: every table and sentence if --verbose asks for them, and the answers.

    Args:
      folder: of the audit.
      audit: content of audit.json.
    """
    terminal.show_if_verbose(console, tables.of(audit), audit["notes"])
    if level() >= Level.VERBOSE:
        for line in tables.words(audit):
            terminal.prose(console, f"- {line}")
    console.print()
    for each in questions.of(audit):
        terminal.prose(console, each.question)
        terminal.prose(console, each.answer, indent=2)
    for line in tables.on_what_is_left(audit):
        terminal.prose(console, line)
    terminal.say(console, "Report", link(folder / "report.html"))
    terminal.point_to_tables(console, folder)
