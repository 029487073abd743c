"""prepare: the data set of patches, without a training."""

import argparse
import os
from pathlib import Path

from jaxcbis import config as options
from jaxcbis.commands.words import Commands, add_levels, given
from jaxcbis.errors import UserError
from jaxcbis.machine import files

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


def _require_writable(export: Path) -> None:
    """Checks what is asked for before hours are spent on it.

    Raises:
      UserError: it is no name that `--data` takes again, or the file cannot be written.
    """
    if not options.is_exported(export):
        raise UserError(f"--export {export}: expected a name that ends in .npz")
    if export.is_dir():
        raise UserError(f"--export {export}: is a folder; give a file")
    files.make_folder(export.parent, "choose another file")
    if not os.access(export if export.exists() else export.parent, os.W_OK):
        raise UserError(f"--export {export}: cannot be written; choose another file")


def run(words: argparse.Namespace) -> None:
    """Does what the words say."""
    config = options.resolve(given(words))
    if words.export is not None:
        _require_writable(words.export)
    from jaxcbis.runs import preparation

    preparation.prepare(config, export=words.export, beam=words.beam)
