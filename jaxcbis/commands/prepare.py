"""prepare: the data set of patches or of whole mammograms, without a training."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxcbis import config as options
from jaxcbis import flags
from jaxcbis.commands.words import Commands, add_levels, given, options_of_file
from jaxcbis.errors import UserError
from jaxcbis.machine.console import warn
from jaxcbis.mammograms import config as views
from jaxcbis.records import paths

_OPTIONS = ("data", "protocol", "windows", "background_size", "image_size", "data_dir")
#: What has a meaning for patches alone.
_OF_PATCHES = ("protocol", "windows", "background_size", "image_size")


def add(commands: Commands) -> None:
    """Adds the command's words."""
    words = commands.add_parser(
        "prepare",
        help="Cut the patches of a release once, for all trainings on it, and count them.",
        usage="jaxcbis prepare [options]",
    )
    options.add_arguments(words, _OPTIONS)
    whole = flags.group(words, "whole mammograms")
    whole.add_argument(
        "--mammograms", action="store_true",
        help="Prepare whole mammograms in the place of patches: the breast cut out and turned to "
        "the left.",
    )  # fmt: skip
    flags.add_arguments(words, views.OPTIONS, {"whole mammograms": views.SIZE})
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
    if words.mammograms:
        _mammograms(words, asked)
        return
    for name, value in given(words, views.SIZE).items():
        raise UserError(f"--{name} {value}: counts only with --mammograms")
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


def _mammograms(words: argparse.Namespace, asked: Mapping[str, Any]) -> None:
    if words.export is not None:
        raise UserError(f"--export {words.export}: takes patches, not whole mammograms")
    for name in _OF_PATCHES:
        if name in asked:
            unused = f"{flags.named(name)} {asked[name]}"
            warn(f"{unused} is not used: with --mammograms no patches are cut")
    config = options.resolve({key: asked[key] for key in asked if key not in _OF_PATCHES})
    height, width = views.size({"data": config.data} | given(words, views.SIZE))
    from jaxcbis.data import mammograms

    mammograms.require_release(config.data)
    paths.require_inputs(config)
    from jaxcbis.runs import preparation

    preparation.prepare_mammograms(config, height, width, beam=words.beam)
