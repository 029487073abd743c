"""comparison-mammograms.html: which of several mammogram runs differ beyond noise, and in what."""

from collections.abc import Sequence
from pathlib import Path

from jaxcbis.machine import files
from jaxcbis.mammograms import config
from jaxcbis.mammograms.figures import predictions
from jaxcbis.mammograms.page import answer, paired
from jaxcbis.mammograms.page.paired import Run
from jaxcbis.records import results as results_file
from jaxcbis.report import tables as patch_tables
from jaxcbis.report.comparison import document as of_patches
from jaxcbis.report.comparison import shared
from jaxcbis.report.page import folder as folders_of
from jaxcbis.report.page import frame, pictures
from jaxcbis.report.page.pictures import Picture

HERE = Path(__file__).parent
FILE = "comparison-mammograms.html"


def write(path: Path, folders: Sequence[Path]) -> Path:
    """Writes a page that compares finished mammogram runs.

    Args:
      path: of the page.
      folders: of the runs.

    Returns:
      `path`.

    Raises:
      UserError: a run is not finished, a file of one cannot be read, or the page cannot be written.
    """
    names = folders_of.names(folders)
    runs = [_read(folder, name) for folder, name in zip(folders, names, strict=True)]
    found = [run.results for run in runs]
    table, unpaired = paired.differences(runs)
    page = frame.render(
        HERE / "comparison.html",
        (of_patches.HERE / "comparison.css",),
        title=f"Comparison of {len(runs)} runs on whole mammograms",
        badges=sorted({badge for of in found for badge in patch_tables.marks(of)}),
        headline=paired.headline(runs),
        warnings=shared.told([answer.warnings(of) for of in found], names),
        tables=[of for of in (table, paired.side_by_side(runs)) if of],
        unpaired=unpaired,
        roc=_roc(runs),
        options=paired.differing(runs),
        curves=of_patches.curves(names, found),
        runs=[_section(run, path) for run in runs],
        notes=shared.told([of["notes"] for of in found], names),
    )
    files.write(path, page, "free space there or choose another file")
    return path


def _read(folder: Path, name: str) -> Run:
    results = results_file.read_finished_mammogram(folder)
    return Run(folder, name, results, predictions.read(folder / predictions.FILE))


def _section(run: Run, page: Path) -> dict:
    """What the page says of a run by itself."""
    said = {
        "name": run.name,
        "what": f"{answer.run_name(run.results)}. {answer.what(run.results)}",
        "verdict": answer.sentences(run.results),
        "command": config.command(run.results["config"]),
        "figures": {},
    }
    return {"section": said, "report": of_patches.link(run.folder, page)}


def _roc(runs: Sequence[Run]) -> Picture | None:
    from jaxcbis.mammograms.page import drawings  # here: drawing takes seconds to import
    from jaxcbis.report.figures import saving

    drawn = drawings.roc_of_runs([run.name for run in runs], [run.results for run in runs])
    if drawn is None:
        return None
    return pictures.of_svg(saving.svg(drawn), "ROC curves per view of every run.")
