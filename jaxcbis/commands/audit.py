"""audit: what the paper's protocol flatters, and whether models look at the lesion."""

import argparse
from pathlib import Path

from jaxcbis import config as options
from jaxcbis.commands import early
from jaxcbis.commands.words import GOES_ON, Commands, add_levels, given
from jaxcbis.machine import files


def add(commands: Commands) -> None:
    """Adds the command's words."""
    words = commands.add_parser(
        "audit",
        help="what each flattering choice of the paper's protocol is worth; whether models look at "
        "the lesion",
        allow_abbrev=False,
    )
    options.add_arguments(words, ("data", "data_dir"))
    words.add_argument(
        "--run", nargs="+", type=Path, required=True, metavar="DIR",
        help="finished runs: paper runs and the clean ones of the same backbone and strategy; "
        "shifted runs, with and without --look-weight, and clean ones beside them",
    )  # fmt: skip
    words.add_argument("--output", type=Path, required=True, metavar="DIR", help="of the audit")
    add_levels(words)
    words.set_defaults(command=run, again=GOES_ON)


def run(words: argparse.Namespace) -> None:
    """Does what the words say."""
    place = given(words)
    early.require_data(place.get("data"))
    for folder in words.run:
        early.require_run(folder)
    files.require_writable(words.output, "choose another --output")
    from jaxcbis.audit import run as audit

    audit.run(place.get("data"), place.get("data_dir"), words.run, words.output)
