"""export: a run's model for serving without this package."""

import argparse
from pathlib import Path

from jaxcbis.commands.words import Commands
from jaxcbis.records import paths, results


def add(commands: Commands) -> None:
    """Adds the command's words."""
    words = commands.add_parser(
        "export",
        help="Write the model of a finished run as StableHLO, to serve it without this package.",
    )
    words.add_argument("run", type=Path, metavar="DIR", help="The folder of the run.")
    words.add_argument(
        "--output", type=Path, required=True, metavar="FILE", help="The file to write."
    )
    words.set_defaults(command=run)


def run(words: argparse.Namespace) -> None:
    """Does what the words say."""
    on_mammograms = results.is_on_mammograms(words.run)
    (results.read_finished_mammogram if on_mammograms else results.read_finished)(words.run)
    paths.require_file("--output", words.output)
    from jaxcbis.machine import backend

    backend.start("auto")
    print(_of_mammograms(words) if on_mammograms else _of_patches(words))


def _of_mammograms(words: argparse.Namespace) -> Path:
    from jaxcbis.mammograms.export import export
    from jaxcbis.mammograms.finished import load

    return export(load(words.run), words.output)


def _of_patches(words: argparse.Namespace) -> Path:
    from jaxcbis.runs.export import export
    from jaxcbis.runs.finished import load

    return export(load(words.run), words.output)
