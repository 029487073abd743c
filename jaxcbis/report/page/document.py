"""report.html: one run, in one file that needs no network."""

from pathlib import Path

from jaxcbis.labels import LABELS, SHORT
from jaxcbis.machine import files
from jaxcbis.report import tables
from jaxcbis.report.page import confusion, folder, frame, joined, patches, section

HERE = Path(__file__).parent
#: What a page with a gallery holds inside itself, besides what every page does.
STYLES = tuple(HERE / f"{name}.css" for name in ("gallery", "pictures", "patch"))
SCRIPTS = tuple(
    HERE / f"{name}.js" for name in ("elements", "answers", "pictures", "patch", "dialog")
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
    shown, gallery = section.of(run), joined.gallery_of([patches.of(run)])
    page = frame.render(
        HERE / "run.html",
        (HERE / "confusion.css", *(STYLES if gallery else ())),
        (*SCRIPTS, HERE / "filters.js", HERE / "gallery.js") if gallery else (),
        title=tables.heading(run.results),
        badges=shown.badges,
        run=shown,
        gallery=gallery,
        headings=FIGURES,
        labels=LABELS,
        short=SHORT,
        confusion=confusion.of(run),
    )
    path = run_dir / "report.html"
    files.write(path, page, "free space there or make the folder writable")
    return path
