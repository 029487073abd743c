"""export: a run's model for serving without this package."""

import argparse
from pathlib import Path

from jaxcbis.commands.words import Commands


def add(commands: Commands) -> None:
    """Adds the command's words."""
    words = commands.add_parser(
        "export", help="write a run's model for serving without this package (StableHLO)",
        allow_abbrev=False,
    )  # fmt: skip
    words.add_argument("run", type=Path, metavar="DIR", help="folder of the run")
    words.add_argument("--output", type=Path, required=True, metavar="FILE", help="to write")
    words.set_defaults(command=run)


def run(words: argparse.Namespace) -> None:
    """Does what the words say."""
    from jaxcbis.machine import backend
    from jaxcbis.runs.export import export
    from jaxcbis.runs.finished import load

    backend.start("auto")
    print(export(load(words.run), words.output))
