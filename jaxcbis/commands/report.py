"""report: the pages of finished runs, studies and audits again, and one that compares runs."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from jaxcbis.commands.words import Commands
from jaxcbis.errors import UserError
from jaxcbis.records import paths, results


def add(commands: Commands) -> None:
    """Adds the command's words."""
    words = commands.add_parser(
        "report",
        help="Rebuild the pages of runs, studies or audits; of several runs also one that compares "
        "them.",
        usage="jaxcbis report DIR.. [options]",
    )
    words.add_argument(
        "folders", nargs="+", type=Path, metavar="DIR",
        help="The folder of a run, a study or an audit.",
    )  # fmt: skip
    words.add_argument(
        "--output", type=Path, metavar="FILE.html",
        help="The file of the comparison of two or more runs, all of patches or all of mammograms "
        "(default: comparison.html, or comparison-mammograms.html, in the folder that they have in "
        "common, or else in the current one).",
    )  # fmt: skip
    words.set_defaults(command=run)


def run(words: argparse.Namespace) -> None:
    """Does what the words say."""
    folders = list({folder.resolve(): folder for folder in words.folders}.values())
    audits = [each for each in folders if (each / "audit.json").is_file()]
    studies = [each for each in folders if (each / "study.json").is_file()]
    rest = [each for each in folders if each not in (*audits, *studies)]
    wholes = [each for each in rest if results.is_on_mammograms(each)]
    runs = [each for each in rest if each not in wholes]
    if words.output:
        _require_page(words.output, runs, wholes)
    for folder in runs:  # before a page of any is written
        results.read_run(folder / "results.json")
    for folder in wholes:
        results.read_mammogram(folder / "results.json")
    from jaxcbis.audit import pages
    from jaxcbis.mammograms.page import comparison as comparison_of_wholes
    from jaxcbis.mammograms.page import document as whole
    from jaxcbis.report.comparison import document as comparison
    from jaxcbis.report.page import document
    from jaxcbis.study import finished

    for folder in audits:
        print(pages.page(folder))
    for folder in studies:
        print(finished.page(folder))
    for folder in wholes:
        print(whole.write(folder))
    for folder in runs:
        print(document.write(folder))
    if len(runs) > 1:
        print(comparison.write(words.output or comparison.joint_path(runs), runs))
    if len(wholes) > 1:
        path = comparison.joint_path(wholes, comparison_of_wholes.FILE)
        print(comparison_of_wholes.write(words.output or path, wholes))


def _require_page(path: Path, runs: Sequence[Path], wholes: Sequence[Path]) -> None:
    """Checks where a comparison is to go before anything is made.

    Raises:
      UserError: nothing is compared, or no page can be written there.
    """
    if (len(runs) > 1) == (len(wholes) > 1):
        raise UserError(
            "--output: is of one comparison; give the folders of two runs or more, all of patches "
            "or all of mammograms"
        )
    if path.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"--output {path}: expected a file name that ends in .html")
    paths.require_file("--output", path)
