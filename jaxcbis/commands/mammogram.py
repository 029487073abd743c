"""mammogram: a classifier of whole mammograms from a finished patch run."""

import argparse

from jaxcbis.commands.words import RESUMES, Commands, add_levels, given
from jaxcbis.mammograms import config as options


def add(commands: Commands) -> None:
    """Adds the command's words."""
    words = commands.add_parser(
        "mammogram",
        help="Make a classifier of whole mammograms of a finished run, and train and test it.",
        usage="jaxcbis mammogram --run DIR [options]",
    )
    options.add_arguments(words)
    add_levels(words)
    words.set_defaults(command=run, again=RESUMES)


def run(words: argparse.Namespace) -> None:
    """Does what the words say."""
    config = options.resolve(given(words, options.NAMES))
    if config.coordinator is not None:
        from jaxcbis.machine import watched

        watched.go_on_in_child()
    from jaxcbis.mammograms import run as one_run  # JAX is loaded only when there is work for it

    one_run.run(config)
