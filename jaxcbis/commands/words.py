"""What the words of several commands have in common."""

import argparse
from typing import Any, NoReturn, TypeAlias

from jaxcbis import config as options
from jaxcbis.errors import UserError
from jaxcbis.machine.console import Level

#: For --window.
WINDOW = (
    "side of a lesion's crop in pixels of these mammograms, which are reduced to the training's "
    "resolution if it is larger there (default: that of the run's own crops, right where the "
    "resolution is the same)"
)


class Parser(argparse.ArgumentParser):
    """argparse, but with one line for a wrong word on the command line."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see {self.prog} --help")


#: What a command adds itself to.
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def add_levels(parser: Parser) -> None:
    """Adds --quiet and --verbose."""
    group = parser.add_mutually_exclusive_group()
    for level, text in (
        (Level.QUIET, "print nothing but warnings and errors, on stderr"),
        (Level.VERBOSE, "print every option and figure as well"),
    ):
        group.add_argument(
            f"--{level.name.lower()}", dest="level", action="store_const", const=level, help=text,
            default=Level.NORMAL,
        )  # fmt: skip


def given(words: argparse.Namespace) -> dict[str, Any]:
    """The options of a run that the user gave, by field name."""
    return {key: value for key, value in vars(words).items() if key in options.NAMES}


def require_positive(flag: str, value: int) -> None:
    """Checks a number.

    Raises:
      UserError: it is below 1.
    """
    if value < 1:
        raise UserError(f"{flag} {value}: expected a number of at least 1")
