"""check: whether the demo training gives here what it should."""

import argparse

from jaxcbis.commands.words import Commands


def add(commands: Commands) -> None:
    """Adds the command's words."""
    words = commands.add_parser(
        "check", help="run the demo training: are its figures as they should be here?",
        allow_abbrev=False,
    )  # fmt: skip
    words.set_defaults(command=run)


def run(_: argparse.Namespace) -> None:
    """Does what the words say."""
    from jaxcbis.runs import check

    check.run()
