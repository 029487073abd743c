"""report.html: one run, or several side by side, in one file that needs no network."""

import base64
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from jaxcbis.labels import LABELS, SHORT
from jaxcbis.machine import files
from jaxcbis.report import tables
from jaxcbis.report.page import confusion, folder, joined, pictures, section, wide_tables
from jaxcbis.report.page.folder import Run
from jaxcbis.report.page.pictures import Picture
from jaxcbis.report.tables import Table

HERE = Path(__file__).parent
#: What the page holds inside itself, in this order.
STYLES = ("report.css", "confusion.css", "gallery.css", "pictures.css", "patch.css")
SCRIPTS = (
    "elements.js", "answers.js", "pictures.js", "filters.js", "patch.js", "gallery.js",
)  # fmt: skip
#: Headings of the figures, in the order in which they stand.
FIGURES = {
    "roc": "ROC",
    "precision_recall": "Precision and recall",
    "reliability": "Reliability",
    "training": "Training",
    "localization": "Localisation",
    "covering": "Covering",
}
#: What a reader must know to read them.
LEGENDS = {
    "roc": "Filled dot: the most probable class decides. Hollow dot: the paper's, from its printed "
    "confusion matrix.",
    "precision_recall": "Dot: the most probable class decides.",
    "reliability": "Below the line the model is surer than it should be.",
    "training": "Star: the epoch whose weights were kept. Each phase starts with the best weights "
    "of the one before it.",
    "localization": "Left: at the chosen threshold; line: 95 % interval; grey: maps made without a "
    "model and, last, the most that the map's grid allows.",
    "covering": "From the lesion that lost most of its p(lesion) when it was covered to the one "
    "that lost least. Outline: the radiologist's mask.",
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
    return _write(run_dir / "report.html", tables.run_name(run.results), [run])


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
        return _write(path, tables.run_name(runs[0].results), runs, front)
    names, found = [run.name for run in runs], [run.results for run in runs]
    front = [*front, wide_tables.side_by_side(names, found)]
    return _write(path, f"{len(runs)} runs side by side", runs, front, _overview(names, found))


def joint_path(run_dirs: Sequence[Path]) -> Path:
    """Where the report of several runs goes: comparison.html in the folder they have in common.

    Runs that have none but the root of the disk in common get it in the current folder.
    """
    try:
        common = Path(os.path.commonpath([run.resolve() for run in run_dirs]))
    except ValueError:  # on Windows, of two drives
        common = Path(os.sep)
    return (Path.cwd() if common.parent == common else common) / "comparison.html"


def _write(
    path: Path,
    title: str,
    runs: Sequence[Run],
    front: Sequence[Table] = (),
    overview: Picture | None = None,
) -> Path:
    style, script = _joined(STYLES), _joined(SCRIPTS)
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("template.html").render(
        title=title,
        runs=[section.of(run) for run in runs],
        front=front,
        overview=overview,
        headings=FIGURES,
        legends=LEGENDS,
        paper_row=tables.PAPER,
        labels=LABELS,
        short=SHORT,
        confusion=[matrix for run in runs for matrix in confusion.of(run, alone=len(runs) == 1)],
        gallery=joined.gallery_of(runs),
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
    )
    files.write(path, page, "free space there or make the folder writable")
    return path


def _overview(names: Sequence[str], found: Sequence[dict]) -> Picture:
    from jaxcbis.report.figures import overview, saving  # here: one run alone needs no drawing

    return pictures.of_svg(saving.svg(overview.draw(names, found)), overview.ALT)


def _joined(names: Sequence[str]) -> str:
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")
