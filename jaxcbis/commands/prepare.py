"""prepare: the data set of patches, without a training."""

import argparse
from pathlib import Path

from jaxcbis import config as options
from jaxcbis.commands.words import Commands, add_levels, given

_OPTIONS = ("data", "protocol", "windows", "background_size", "image_size", "data_dir")


def add(commands: Commands) -> None:
    """Adds the command's words."""
    words = commands.add_parser(
        "prepare", help="build the data set of patches only", allow_abbrev=False
    )
    options.add_arguments(words, _OPTIONS)
    add_levels(words)
    words.add_argument("--export", type=Path, metavar="FILE.npz", help="also write the patches")
    words.add_argument(
        "--beam", nargs=argparse.REMAINDER, metavar="OPTION",
        help="prepare on an Apache Beam runner; all words behind it are Beam's options",
    )  # fmt: skip
    words.set_defaults(command=run)


def run(words: argparse.Namespace) -> None:
    """Does what the words say."""
    config = options.resolve(given(words))
    from jaxcbis.runs import preparation

    preparation.prepare(config, export=words.export, beam=words.beam)
