"""prepare: the data set of patches, without a training."""

import argparse
from pathlib import Path

from jaxcbis import config as options
from jaxcbis import flags
from jaxcbis.commands.words import Commands, add_levels, given, options_of_file
from jaxcbis.errors import UserError
from jaxcbis.machine.console import warn
from jaxcbis.records import paths

_OPTIONS = ("data", "protocol", "windows", "background_size", "image_size", "data_dir")


def add(commands: Commands) -> None:
    """Adds the command's words."""
    words = commands.add_parser(
        "prepare",
        help="Cut the patches of a release once, for all trainings on it, and count them.",
        usage="jaxcbis prepare [options]",
    )
    options.add_arguments(words, _OPTIONS)
    flags.group(words, "output").add_argument(
        "--export", type=Path, metavar="FILE.npz",
        help="A file to write the patches to as well, at the model's size, for --data or another "
        "framework (default: none).",
    )  # fmt: skip
    add_levels(words)
    flags.group(words, "data").add_argument(
        "--beam", nargs=argparse.REMAINDER, metavar="OPTION",
        help="Prepare on an Apache Beam runner. All words behind it are options of Beam's "
        "(default: in threads of this process).",
    )  # fmt: skip
    words.set_defaults(command=run)


def run(words: argparse.Namespace) -> None:
    """Does what the words say."""
    asked = given(words)
    config = options.resolve(asked | options_of_file(asked))
    for line in options.unused(asked, config):
        warn(line)
    paths.require_inputs(config)
    if words.beam is not None and options.is_exported(config.data):
        raise UserError(f"--beam: is not used, as the patches of {config.data} are cut already")
    if words.export is not None:
        if not options.is_exported(words.export):
            raise UserError(f"--export {words.export}: expected a name that ends in .npz")
        paths.require_file("--export", words.export)
    from jaxcbis.runs import preparation

    preparation.prepare(config, export=words.export, beam=words.beam)
