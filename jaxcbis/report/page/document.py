"""report.html: one run, or several side by side, in one file that needs no network."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxcbis.labels import LABELS, SHORT
from jaxcbis.machine import files
from jaxcbis.report import tables
from jaxcbis.report.page import (
    confusion,
    folder,
    frame,
    joined,
    pictures,
    section,
    wide_tables,
)
from jaxcbis.report.page.folder import Run
from jaxcbis.report.page.pictures import Picture
from jaxcbis.report.tables import Table

HERE = Path(__file__).parent
#: What a page with a gallery holds inside itself, besides what every page does.
STYLES = (HERE / "gallery.css",)
SCRIPTS = tuple(
    HERE / f"{name}.js"
    for name in ("elements", "answers", "pictures", "filters", "patch", "gallery")
)
#: Headings of the figures, in the order in which they stand.
FIGURES = {
    "roc": "ROC",
    "precision_recall": "Precision and recall",
    "reliability": "Reliability",
    "training": "Training",
    "localization": "Localisation",
    "covering": "Covering",
}


def write(run_dir: Path, results: dict | None = None) -> Path:
    """Writes `run_dir/report.html` from what else the folder holds; the data are not needed.

    Args:
      run_dir: folder of the run.
      results: content of results.json, where that is yet to be written.

    Returns:
      The file.

    Raises:
      UserError: results.json or another file of the run cannot be read, or the report cannot be
        written.
    """
    run = folder.of(run_dir, results) if results else folder.read([run_dir])[0]
    return _of_run(run_dir / "report.html", run)


def compare(path: Path, run_dirs: Sequence[Path], front: Sequence[Table] = ()) -> Path:
    """Writes one report with several runs side by side.

    Patches that runs have in common are shown once, with every run's answer.

    Args:
      path: of the report.
      run_dirs: folders of the runs.
      front: tables to stand in front, e.g. those of a study.

    Returns:
      The file.

    Raises:
      UserError: as of `write`.
    """
    runs = folder.read(run_dirs)
    if len(runs) == 1:
        return _of_run(path, runs[0], front)
    names, found = [run.name for run in runs], [run.results for run in runs]
    front = [*front, wide_tables.side_by_side(names, found)]
    sections = [section.of(run) for run in runs]
    return _write(
        path, "side_by_side.html", runs, title=f"{len(runs)} runs side by side", runs=sections,
        badges=sorted({badge for each in sections for badge in each.badges}), front=front,
        overview=_overview(names, found),
    )  # fmt: skip


def joint_path(run_dirs: Sequence[Path]) -> Path:
    """Where the report of several runs goes: comparison.html in the folder they have in common.

    Runs that have none but the root of the disk in common get it in the current folder.
    """
    try:
        common = Path(os.path.commonpath([run.resolve() for run in run_dirs]))
    except ValueError:  # on Windows, of two drives
        common = Path(os.sep)
    return (Path.cwd() if common.parent == common else common) / "comparison.html"


def _of_run(path: Path, run: Run, front: Sequence[Table] = ()) -> Path:
    shown = section.of(run)
    return _write(
        path, "run.html", [run], title=tables.heading(run.results), badges=shown.badges, run=shown,
        runs=[shown], front=front,
    )  # fmt: skip


def _write(path: Path, template: str, read: Sequence[Run], **content: Any) -> Path:
    gallery, several = joined.gallery_of(read), len(read) > 1
    page = frame.render(
        HERE / template,
        (HERE / "confusion.css", *(STYLES if gallery else ())),
        SCRIPTS if gallery else (),
        gallery=gallery,
        headings=FIGURES,
        labels=LABELS,
        short=SHORT,
        confusion=[each for run in read for each in confusion.of(run, alone=not several)],
        several=several,
        **content,
    )
    files.write(path, page, "free space there or make the folder writable")
    return path


def _overview(names: Sequence[str], found: Sequence[dict]) -> Picture:
    from jaxcbis.report.figures import overview, saving  # here: one run alone needs no drawing

    return pictures.of_svg(saving.svg(overview.draw(names, found)), overview.ALT)
