"""findings: the documents on what the models look at, from studies and audits."""

import argparse
from pathlib import Path

from jaxcbis.commands.words import Commands


def add(commands: Commands) -> None:
    """Adds the command's words."""
    words = commands.add_parser(
        "findings",
        help="Write the documents on what the models look at, from the results of studies and "
        "audits.",
    )
    words.add_argument(
        "folder", type=Path, metavar="DIR", help="The folder to write to; it holds results/."
    )
    words.set_defaults(command=run)


def run(words: argparse.Namespace) -> None:
    """Does what the words say."""
    from jaxcbis import findings

    print(*findings.write(words.folder), sep="\n")
