"""report: the pages of finished runs and audits again, and one that compares runs."""

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
        help="Rebuild the pages of runs or audits; of several runs also one that compares them.",
        usage="jaxcbis report DIR.. [options]",
    )
    words.add_argument(
        "runs", nargs="+", type=Path, metavar="DIR", help="The folder of a run or of an audit."
    )
    words.add_argument(
        "--output", type=Path, metavar="FILE.html",
        help="The file of the comparison of two or more runs (default: comparison.html in the "
        "folder that they have in common, or else in the current one).",
    )  # fmt: skip
    words.set_defaults(command=run)


def run(words: argparse.Namespace) -> None:
    """Does what the words say."""
    audits = [each for each in words.runs if (each / "audit.json").is_file()]
    runs = [each for each in words.runs if each not in audits]
    if words.output:
        _require_page(words.output, runs)
    for folder in runs:  # before a page of any is written
        results.read_run(folder / "results.json")
    from jaxcbis.audit import pages
    from jaxcbis.report.comparison import document as comparison
    from jaxcbis.report.page import document

    for folder in audits:
        print(pages.page(folder))
    for folder in runs:
        print(document.write(folder))
    if len(runs) > 1:
        print(comparison.write(words.output or comparison.joint_path(runs), runs))


def _require_page(path: Path, runs: Sequence[Path]) -> None:
    """Checks where a comparison is to go before anything is made.

    Raises:
      UserError: nothing is compared, or no page can be written there.
    """
    if len(runs) < 2:
        raise UserError("--output: is of a comparison; give the folders of two runs or more")
    if path.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"--output {path}: expected a file name that ends in .html")
    paths.require_file("--output", path)
