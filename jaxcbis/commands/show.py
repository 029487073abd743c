"""show: the tables of what is finished, again."""

import argparse
from pathlib import Path

from jaxcbis.commands.words import Commands
from jaxcbis.errors import UserError
from jaxcbis.machine.console import Level, console, telling
from jaxcbis.records import results


def add(commands: Commands) -> None:
    """Adds the command's words."""
    words = commands.add_parser(
        "show", help="Print the answer and all tables of a finished run, study or audit."
    )
    words.add_argument("folder", type=Path, metavar="DIR", help="The folder of it.")
    words.set_defaults(command=run)


def run(words: argparse.Namespace) -> None:
    """Does what the words say."""
    folder: Path = words.folder
    if not folder.is_dir():
        raise UserError(f"{folder}: is no folder; give that of a finished run, study or audit")
    for file, show in _SHOWS.items():
        if (folder / file).exists():
            with telling(Level.VERBOSE):
                show(folder)
            return
    raise UserError(
        f"{folder}: holds none of {', '.join(_SHOWS)}; give the folder of a finished run, study or "
        "audit"
    )


def _run(folder: Path) -> None:
    if results.is_on_mammograms(folder):
        from jaxcbis.mammograms.page import terminal as of_mammograms

        of_mammograms.show(folder, results.read_finished_mammogram(folder))
        return
    from jaxcbis.report import terminal

    terminal.show_run(console, results.read_finished(folder), folder)


def _study(folder: Path) -> None:
    from jaxcbis.study import answer, finished, tables

    study, runs = finished.read(folder)
    answer.show(folder, study, runs, list(tables.of(study, runs).values()))


def _audit(folder: Path) -> None:
    from jaxcbis.audit import answer

    answer.show(folder, results.read(folder / "audit.json"))


#: What shows a folder, by a file that it holds.
_SHOWS = {"results.json": _run, "study.json": _study, "audit.json": _audit}
