"""explain: what a finished run says of image files."""

import argparse
from functools import partial
from pathlib import Path

from jaxcbis.commands.words import WINDOW, Commands, require_positive


def add(commands: Commands) -> None:
    """Adds the command's words."""
    words = commands.add_parser(
        "explain", help="what a finished run says of image files, and where it looks",
        allow_abbrev=False,
    )  # fmt: skip
    add = words.add_argument
    add("images", nargs="+", type=Path, metavar="IMAGE",
        help="a lesion's patch, or with --sweep a mammogram: PNG, JPEG, TIFF, PGM, BMP, JPEG 2000, "
             "WebP or DICOM")  # fmt: skip
    add("--run", type=Path, required=True, metavar="DIR", help="folder of the run")
    add("--output", type=Path, default=Path(), metavar="DIR",
        help="for IMAGE-cam.png or IMAGE-sweep.png (default: the current one)")  # fmt: skip
    add("--json", metavar="FILE", help="also write the answers; - prints them instead of the text")
    add("--sweep", action="store_true",
        help="look at windows all over a mammogram: maps of all classes, best boxes")  # fmt: skip
    add("--window", type=int, metavar="N", help=WINDOW)
    add("--boxes", type=int, default=5, metavar="K", help="best boxes to mark (default: 5)")
    words.set_defaults(command=run)


def run(words: argparse.Namespace) -> None:
    """Does what the words say."""
    require_positive("--boxes", words.boxes)
    from jaxcbis.detection import mammograms
    from jaxcbis.runs import explain

    of_mammogram = partial(mammograms.explain, window=words.window, boxes=words.boxes)
    answer, kind = (of_mammogram, "sweep") if words.sweep else (explain.patch, "cam")
    explain.explain(words.images, words.run, words.output, answer, kind=kind, json_file=words.json)
