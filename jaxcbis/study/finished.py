"""A finished study: what its folder holds, and its page."""

from collections.abc import Sequence
from pathlib import Path

from jaxcbis.errors import UserError
from jaxcbis.records import results
from jaxcbis.report.tables import Table
from jaxcbis.study import tables


def read(folder: Path) -> tuple[dict, dict[str, dict]]:
    """What a study's folder holds.

    Args:
      folder: of the study.

    Returns:
      The content of study.json, and results.json of every chosen run, by its folder in the study.

    Raises:
      UserError: the study is not finished, or a file cannot be read.
    """
    study = results.read(folder / "study.json")
    if study.get("status") != results.FINISHED:
        raise UserError(f"{folder}: the study is not finished; give its command again to go on")
    runs = {
        row["run"]: results.read_run(folder / row["run"] / "results.json")
        for row in study["chosen"]
    }
    return study, runs


def page(folder: Path) -> Path:
    """Writes the report.html of a finished study again.

    Returns:
      The file.

    Raises:
      UserError: as of `read`, or the page cannot be written.
    """
    study, runs = read(folder)
    return write_page(folder, study["chosen"], list(tables.of(study, runs).values()))


def write_page(folder: Path, chosen: Sequence[dict], shown: Sequence[Table]) -> Path:
    """Writes report.html into a study's folder.

    Args:
      folder: of the study.
      chosen: of study.json.
      shown: of `tables.of`.

    Returns:
      The file.

    Raises:
      UserError: a file of a run cannot be read, or the page cannot be written.
    """
    from jaxcbis.report.comparison import document  # here: `show` needs no page

    models = {f"{row['backbone']} {row['strategy']}": folder / row["run"] for row in chosen}
    return document.write_study(folder / "report.html", models, shown)
