"""report.html of a mammogram run: one file that needs no network."""

from pathlib import Path

from jaxcbis.machine import files
from jaxcbis.mammograms import config
from jaxcbis.mammograms.page import answer, facts, figures, gallery, tables, tiles
from jaxcbis.mammograms.page.terminal import show
from jaxcbis.records import results as results_file
from jaxcbis.report import tables as patch_tables
from jaxcbis.report.page import document, frame, pictures
from jaxcbis.report.page.pictures import Picture

__all__ = ["show", "write"]

HERE = Path(__file__).parent
#: Headings of the figures, in the order in which they stand.
FIGURES = {
    "roc": "ROC",
    "calibration": "Calibration",
    "froc": "Free response",
    "history": "Training",
}
_LEGENDS = {
    "roc": "Dots: operating points, whose thresholds were chosen on the validation split.",
    "calibration": "Below the line the model is surer than it should be.",
    "history": "Star: the epoch whose weights were kept. The top is trained first, then all behind "
    "the frozen half.",
}


def write(folder: Path, results: dict | None = None) -> Path:
    """Writes `folder/report.html` from what else the folder holds; the data are not needed.

    Args:
      folder: of the run.
      results: content of its results.json, if that is not written yet; then the figures are
        drawn anew, since those of an earlier try may be of other options.

    Returns:
      The file.

    Raises:
      UserError: results.json or another file of the run cannot be read, or the report cannot be
        written.
    """
    if results:
        figures.write(folder, results)
    else:
        results = results_file.read_mammogram(folder / "results.json")
    held = gallery.read(folder)
    page = frame.render(
        HERE / "mammogram.html",
        (HERE / "mammogram.css", *(document.STYLES if held else ()), *_own(held, "views.css")),
        _scripts() if held else (),
        title=answer.heading(results),
        badges=patch_tables.marks(results),
        what=answer.what(results),
        sentences=answer.sentences(results),
        warnings=answer.warnings(results),
        tiles=tiles.of(results),
        results=_present(tables.levels, tables.baselines, tables.literature, of=results),
        tables=_present(
            tables.operating_points, tables.localization, tables.members, tables.patch_runs,
            tables.splits, tables.costs, of=results,
        ),
        headings=FIGURES,
        figures=_drawn(folder, results),
        legends=_legends(results),
        gallery=gallery.of_page(held, results) if held else None,
        calling=answer.calling(results),
        command=config.command(results["config"]),
        card=facts.card(results),
        facts=facts.facts(results),
        options=facts.options(results),
        notes=results["notes"],
    )  # fmt: skip
    path = folder / "report.html"
    files.write(path, page, "free space there or make the folder writable")
    return path


def _legends(results: dict) -> dict[str, str]:
    members = len(results.get("members") or [])
    of_first = f" Of {members} members it is the first." if members > 1 else ""
    sweep = (
        ", of the map and of the patch run's sweep"
        if "sweep" in figures.free_response(results)
        else ""
    )
    return _LEGENDS | {
        "history": _LEGENDS["history"] + of_first,
        "froc": f"Malignant lesions found by false positives per view{sweep}.",
    }


def _scripts() -> tuple[Path, ...]:
    """A gallery's, in which views take the place of patches."""
    of_patches = document.HERE
    return (
        of_patches / "elements.js", HERE / "views.js", of_patches / "pictures.js",
        HERE / "view.js", of_patches / "dialog.js", of_patches / "filters.js",
        of_patches / "gallery.js",
    )  # fmt: skip


def _own(held: dict | None, *names: str) -> tuple[Path, ...]:
    return tuple(HERE / name for name in names) if held else ()


def _present(*made, of: dict) -> list[patch_tables.Table]:
    """The tables that the run has figures for."""
    return [table for make in made if (table := make(of))]


def _drawn(folder: Path, results: dict) -> dict[str, Picture]:
    """Its figures, which are drawn first where the folder lacks one."""
    alts = figures.alternatives(results)
    paths = {name: folder / "figures" / f"{name}.svg" for name in alts}
    if not all(path.is_file() for path in paths.values()):
        figures.write(folder, results)
    return {
        name: pictures.of_svg(path.read_text("utf-8"), alts[name]) for name, path in paths.items()
    }
