"""froc: lesions found in whole mammograms against false positives."""

import argparse
from pathlib import Path

from jaxcbis.commands import early
from jaxcbis.commands.words import WINDOW, Commands
from jaxcbis.machine import files


def add(commands: Commands) -> None:
    """Adds the command's words."""
    words = commands.add_parser(
        "froc", help="sweep a release's test mammograms: lesions found against false positives",
        allow_abbrev=False,
    )  # fmt: skip
    add = words.add_argument
    add("--data", type=Path, required=True, metavar="PATH",
        help="the Kaggle release (its folder or archive.zip) or the DICOM one")  # fmt: skip
    add("--run", type=Path, required=True, metavar="DIR", help="folder of the run")
    add("--output", type=Path, required=True, metavar="DIR",
        help="folder of froc.json, froc.png and a picture per mammogram")  # fmt: skip
    add("--window", type=int, metavar="N", help=WINDOW)
    words.set_defaults(command=run)


def run(words: argparse.Namespace) -> None:
    """Does what the words say."""
    early.require_data(words.data)
    early.require_run(words.run)
    files.require_writable(words.output, "choose another --output")
    from jaxcbis.detection import scoring

    scoring.run(words.data, words.run, words.output, window=words.window)
