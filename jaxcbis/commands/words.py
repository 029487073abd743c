"""What the words of several commands have in common."""

import argparse
import os
from pathlib import Path
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


#: What to do once a command was interrupted, by whether it keeps what it has done.
GOES_ON = "give the same command again to go on"
RESUMES = "give the same command again with --resume to go on"
STARTS_AFRESH = "the same command begins anew"

#: Options that may be paths and are kept as text.
_TEXTS = ("data", "data_dir", "json", "output", "weights")

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


def expand_home(words: argparse.Namespace) -> None:
    """Puts the user's home for a `~` that no shell has seen: `--data=~/x`, or in a notebook."""

    def expanded(value: Any, text: bool) -> Any:
        if isinstance(value, list):
            return [expanded(each, text) for each in value]
        if isinstance(value, Path):
            return Path(os.path.expanduser(value))
        return os.path.expanduser(value) if text and isinstance(value, str) else value

    for name, value in vars(words).items():
        setattr(words, name, expanded(value, name in _TEXTS))


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
