"""froc: lesions found in whole mammograms against false positives."""

import argparse
from pathlib import Path

from jaxcbis.commands.words import WINDOW, Commands
from jaxcbis.records import paths, results


def add(commands: Commands) -> None:
    """Adds the command's words."""
    words = commands.add_parser(
        "froc",
        help="Sweep a release's test mammograms, and count lesions found against false positives.",
    )
    add = words.add_argument
    add("--data", type=Path, required=True, metavar="PATH",
        help="The Kaggle release (its folder or archive.zip), or the DICOM one.")  # fmt: skip
    add("--run", type=Path, required=True, metavar="DIR", help="The folder of the run.")
    add("--output", type=Path, required=True, metavar="DIR",
        help="The folder of froc.json, froc.png and a picture of each mammogram.")  # fmt: skip
    add("--window", type=int, metavar="N", help=f"{WINDOW[0].upper()}{WINDOW[1:]}")
    words.set_defaults(command=run)


def run(words: argparse.Namespace) -> None:
    """Does what the words say."""
    paths.require_data(words.data)
    results.read_finished(words.run)
    paths.require_folder("--output", words.output)
    from jaxcbis.detection import scoring

    scoring.run(words.data, words.run, words.output, window=words.window)
