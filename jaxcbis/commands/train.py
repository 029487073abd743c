"""train, or run.py: one model from its patches to its report."""

import argparse

from jaxcbis import config as options
from jaxcbis.commands.words import RESUMES, Commands, add_levels, given


def add(commands: Commands) -> None:
    """Adds the command's words."""
    words = commands.add_parser(
        "train", help="train, test and score one model (run.py)", allow_abbrev=False
    )
    options.add_arguments(words)
    add_levels(words)
    words.set_defaults(command=run, again=RESUMES)


def run(words: argparse.Namespace) -> None:
    """Does what the words say."""
    config = options.resolve(given(words))
    if config.coordinator is not None:
        from jaxcbis.machine import watched

        watched.go_on_in_child()
    from jaxcbis.runs import run as one_run  # JAX is loaded only when there is work for it

    one_run.run(config)
