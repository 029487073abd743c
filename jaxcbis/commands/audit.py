"""audit: what the paper's protocol flatters, and whether models look at the lesion."""

import argparse
from pathlib import Path

from jaxcbis import config as options
from jaxcbis import flags
from jaxcbis.commands.words import GOES_ON, Commands, add_levels, given
from jaxcbis.records import paths, results


def add(commands: Commands) -> None:
    """Adds the command's words."""
    words = commands.add_parser(
        "audit",
        help="Tell what each flattering choice of the paper's protocol is worth, and whether "
        "models look at the lesion. Given again, it goes on where it was ended.",
        usage="jaxcbis audit --run DIR.. --output DIR [options]",
    )
    options.add_arguments(words, ("data", "data_dir"))
    flags.group(words, "data").add_argument(
        "--run", nargs="+", type=Path, required=True, metavar="DIR",
        help="The folders of finished runs: paper runs and the clean ones of the same backbone and "
        "strategy; shifted runs, with and without --look-weight, and clean ones beside them.",
    )  # fmt: skip
    flags.group(words, "output").add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="The folder of the audit."
    )
    add_levels(words)
    words.set_defaults(command=run, again=GOES_ON)


def run(words: argparse.Namespace) -> None:
    """Does what the words say."""
    place = given(words)
    paths.require_data(place.get("data"))
    for folder in words.run:
        results.read_finished(folder)
    paths.require_folder("--output", words.output)
    from jaxcbis.audit import run as audit

    audit.run(place.get("data"), place.get("data_dir"), words.run, words.output)
