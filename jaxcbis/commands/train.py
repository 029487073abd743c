"""train, or run.py: one model from its patches to its report."""

import argparse
import shlex
from pathlib import Path
from typing import Any

from jaxcbis import config as options
from jaxcbis import flags
from jaxcbis.commands.words import RESUMES, Commands, Parser, add_levels, given, options_of_file
from jaxcbis.errors import UserError
from jaxcbis.machine.console import say, warn
from jaxcbis.records import paths, results
from jaxcbis.records.command import command


def add(commands: Commands) -> None:
    """Adds the command's words."""
    words = commands.add_parser(
        "train",
        help="Train, test and score one model; run.py is the same.",
        usage="jaxcbis train [options]",
    )
    options.add_arguments(words)
    flags.group(words, "output").add_argument(
        "--like", type=Path, metavar="FILE",
        help="The results.json of an earlier run, or its folder. Its options are taken where none "
        "is given here, but not its folders, its device and its hosts.",
    )  # fmt: skip
    add_levels(words)
    words.set_defaults(command=run, again=RESUMES, parser=words)


def run(words: argparse.Namespace) -> None:
    """Does what the words say."""
    asked = given(words)
    like = {} if words.like is None else _like(words.like, words.parser)
    asked |= options_of_file({**like, **asked})
    config = options.resolve({**like, **asked})
    for line in options.unused(asked, config):
        warn(line)
    paths.require_inputs_of_run(config)  # before JAX is loaded
    if config.coordinator is not None:
        from jaxcbis.machine import watched

        watched.go_on_in_child()
    from jaxcbis.runs import run as one_run  # JAX is loaded only when there is work for it

    one_run.run(config)


def _like(path: Path, parser: Parser) -> dict[str, Any]:
    """The options of an earlier run that were not at their defaults, and says which.

    Args:
      path: of its results.json or its folder.
      parser: of this command.

    Raises:
      UserError: it holds no options of a run, or one that this version does not have.
    """
    file = path / "results.json" if path.is_dir() else path
    found = results.read(file).get("config")
    if not isinstance(found, dict) or "backbone" not in found:
        raise UserError(f"--like {path}: holds no options of a run; give the results.json of one")
    if unknown := ", ".join(sorted(found.keys() - options.NAMES)):
        raise UserError(f"--like {path}: has an option that this version lacks: {unknown}")
    try:
        _, _, *taken = shlex.split(command(found))
        asked = given(parser.parse_args(taken))
        options.resolve(asked)
    except (UserError, TypeError) as error:
        raise UserError(f"--like {path}: {error}") from error
    say(f"Like     {path}: {shlex.join(taken)}")
    return asked
