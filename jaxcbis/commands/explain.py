"""explain: what a finished run says of image files."""

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from jaxcbis.commands.words import WINDOW, Commands, require_positive
from jaxcbis.errors import UserError
from jaxcbis.records import results

if TYPE_CHECKING:
    from jaxcbis.runs.explain import Begun

#: Best boxes that a sweep marks if nobody says how many.
BOXES = 5


def add(commands: Commands) -> None:
    """Adds the command's words."""
    words = commands.add_parser(
        "explain",
        help="Ask a finished run what image files show, and where it looks.",
        usage="jaxcbis explain IMAGE.. --run DIR [options]",
    )
    add = words.add_argument
    add("images", nargs="+", type=Path, metavar="IMAGE",
        help="A lesion's patch; with --sweep, or of a mammogram run, a mammogram: PNG, JPEG, "
             "TIFF, PGM, BMP, JPEG 2000, WebP or DICOM.")  # fmt: skip
    add("--run", type=Path, required=True, metavar="DIR",
        help="The folder of the run, a patch run or a mammogram run.")  # fmt: skip
    add("--output", type=Path, default=Path(), metavar="DIR",
        help="The folder of IMAGE-cam.png or IMAGE-sweep.png (default: the current "
             "one).")  # fmt: skip
    add("--json", metavar="FILE",
        help="A file to write the answers to as well; - prints them instead of the text (default: "
             "none).")  # fmt: skip
    add("--raw", action="store_true",
        help="Draw the bare map over the picture, without panels and writing.")  # fmt: skip
    add("--sweep", action="store_true",
        help="Look at windows all over a mammogram: maps of all classes, best boxes.")  # fmt: skip
    add("--window", type=int, metavar="N", help=f"With --sweep: {WINDOW}")
    add("--boxes", type=int, metavar="K",
        help=f"With --sweep: the number of best boxes to mark (default: {BOXES}).")  # fmt: skip
    words.set_defaults(command=run)


def run(words: argparse.Namespace) -> None:
    """Does what the words say."""
    for flag, value in (("--window", words.window), ("--boxes", words.boxes)):
        if value is not None:
            require_positive(flag, value)
            if not words.sweep:
                raise UserError(
                    f"{flag} {value}: is for a sweep over whole mammograms; add --sweep"
                )
    if words.raw and words.sweep:
        raise UserError("--raw: is for maps, not for sweeps; leave it or --sweep out")
    from jaxcbis.runs import explain

    explain.explain(
        words.images, words.run, words.output, partial(_begin, words),
        kind="sweep" if words.sweep else "cam", json_file=words.json,
    )  # fmt: skip


def _begin(words: argparse.Namespace, folder: Path) -> "Begun":
    """Starts JAX and reads a run of either kind; what is wrong with it is said before."""
    from jaxcbis.machine import backend

    if results.is_on_mammograms(folder):
        if words.sweep:
            raise UserError(
                f"--sweep: is for patch runs; {folder} is a mammogram run, which looks at all of a "
                "mammogram; leave it out"
            )
        results.read_finished_mammogram(folder)
        backend.start("auto")
        from jaxcbis.mammograms import explaining

        return explaining.begin(folder, raw=words.raw)
    results.read_finished(folder)
    backend.start("auto")
    from jaxcbis.detection import mammograms
    from jaxcbis.runs import explain, explain_patch

    if words.sweep:
        boxes = BOXES if words.boxes is None else words.boxes
        sweep = partial(mammograms.explainer, window=words.window, boxes=boxes)
        return explain.begin(folder, sweep)
    return explain.begin(folder, partial(explain_patch.explainer, raw=words.raw))
