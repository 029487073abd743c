"""check: whether the demo training gives here what it should."""

import argparse

from jaxcbis.commands.words import Commands


def add(commands: Commands) -> None:
    """Adds the command's words."""
    words = commands.add_parser(
        "check",
        help="Run the demo training in a temporary folder, and compare its figures with those "
        "that are expected.",
    )
    words.set_defaults(command=run)


def run(_: argparse.Namespace) -> None:
    """Does what the words say."""
    from jaxcbis.runs import check

    check.run()
