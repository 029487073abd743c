"""What the words of several commands have in common."""

import argparse
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from jaxcbis import config as options
from jaxcbis import flags
from jaxcbis.errors import UserError, meant
from jaxcbis.machine.console import Level, say

#: For --window.
WINDOW = (
    "the side of a lesion's crop in pixels of these mammograms, which are reduced to the "
    "training's resolution if it is larger there (default: that of the run's own crops, right "
    "where the resolution is the same)."
)


class Parser(argparse.ArgumentParser):
    """argparse, but with one line for a wrong word, and what may have been meant by it."""

    def __init__(self, *arguments: Any, **how: Any) -> None:
        super().__init__(*arguments, **({"allow_abbrev": False} | how))

    def error(self, message: str) -> NoReturn:
        """Ends the command with one line."""
        see = " See" if message.endswith("?") else "; see"
        raise UserError(f"{message}{see} {self.prog} --help")

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def, override]
        """Refuses what is not known here and now: the command that has it not says so itself."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            word = unknown[0].partition("=")[0]
            known = self._option_string_actions if word.startswith("-") else ()
            self.error(f"unrecognized arguments: {' '.join(unknown)}{meant(word, known)}")
        return found, unknown

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        if isinstance(action, argparse._SubParsersAction):
            self.error(f"no command {value!r}{meant(value, choices)}")
        flag = "/".join(action.option_strings) or action.metavar
        self.error(f"{flag} {value}: expected {_one_of(choices)}{meant(str(value), choices)}")


def _one_of(choices: Sequence[str]) -> str:
    return choices[0] if len(choices) == 1 else f"one of {', '.join(choices)}"


#: What to do once a command was interrupted, by whether it keeps what it has done.
GOES_ON = "give the same command again to go on"
RESUMES = "give the same command again with --resume to go on"
STARTS_AFRESH = "the same command begins anew"

#: Options that may be paths and are kept as text.
_TEXTS = ("data", "data_dir", "imagenet_run", "json", "output", "run", "weights")

#: What a command adds itself to.
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def add_levels(parser: Parser) -> None:
    """Adds --quiet and --verbose."""
    group = flags.group(parser, "output").add_mutually_exclusive_group()
    for level, text in (
        (Level.QUIET, "Print nothing but warnings and errors, on stderr."),
        (Level.VERBOSE, "Print every option, figure and table as well."),
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


def given(words: argparse.Namespace, names: Collection[str] = options.NAMES) -> dict[str, Any]:
    """The options of a run that the user gave, by field name.

    Args:
      words: of the command line.
      names: of the options.
    """
    return {key: value for key, value in vars(words).items() if key in names}


def options_of_file(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What a file of patches adds to the options of a run, and says so.

    Args:
      asked: options by field name; see `jaxcbis.data.exported.options_of_file`.
    """
    if not options.is_exported(asked.get("data")):
        return {}
    from jaxcbis.data import exported  # here: most commands read no patches themselves

    found = exported.options_of_file(asked)
    if found and "coordinator" not in asked:  # several hosts would each say so
        taken = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in found.items())
        say(f"File     {asked['data']}: {taken}")
    return found


def require_positive(flag: str, value: int) -> None:
    """Checks a number.

    Raises:
      UserError: it is below 1.
    """
    if value < 1:
        raise UserError(f"{flag} {value}: expected a number of at least 1")
