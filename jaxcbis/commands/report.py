"""report: the pages of finished runs again, and one that compares them."""

import argparse
from pathlib import Path

from jaxcbis.commands.words import Commands


def add(commands: Commands) -> None:
    """Adds the command's words."""
    words = commands.add_parser(
        "report",
        help="rebuild the report of runs; of several also one side by side, comparison.html in the "
        "folder that they have in common, or else in the current one",
    )
    words.add_argument("runs", nargs="+", type=Path, metavar="DIR")
    words.set_defaults(command=run)


def run(words: argparse.Namespace) -> None:
    """Does what the words say."""
    from jaxcbis.report.page import document

    for folder in words.runs:
        print(document.write(folder))
    if len(words.runs) > 1:
        print(document.compare(document.joint_path(words.runs), words.runs))
