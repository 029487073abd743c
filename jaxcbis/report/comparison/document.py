"""comparison.html: which of several runs differ beyond noise, in what, and patch by patch."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jaxcbis.machine import files
from jaxcbis.report.comparison import answer, options, pairs, shared
from jaxcbis.report.comparison.pairs import Pair
from jaxcbis.report.page import (
    document,
    folder,
    frame,
    joined,
    patches,
    pictures,
    section,
    wide_tables,
)
from jaxcbis.report.page.folder import Run
from jaxcbis.report.page.pictures import Picture
from jaxcbis.report.tables import NONE, Table

HERE = Path(__file__).parent
#: Below the table of differences.
LEGEND = (
    "Each difference with its 95 % interval, by a bootstrap over patients on the patches that both "
    "were tested on. AUC: of probabilities, a mean over classes. LL score and "
    "pointing game: of each over the lesions that it classifies correctly. The last three columns "
    "count patches that one alone classifies correctly, and give McNemar's exact test, which takes "
    "patches for independent. "
    "Each interval is of one difference: of twenty pairs that do not differ, one leaves out 0 by "
    "chance."
)
#: What the gallery can be reduced to, by its name in the address; of several runs and of one.
SHOWS = {
    "": "all",
    "only-a": "A right, B wrong",
    "only-b": "B right, A wrong",
    "all-wrong": "all wrong",
    "all-right": "all right",
}
SHOWS_OF_ONE = {"": "all", "all-wrong": "wrong", "all-right": "right"}


def write(path: Path, run_dirs: Sequence[Path]) -> Path:
    """Writes a page that compares finished runs.

    With up to `pairs.ALL_PAIRS` runs every two are paired, with more each with the first.

    Args:
      path: of the page.
      run_dirs: folders of the runs.

    Returns:
      `path`.

    Raises:
      UserError: a file of a run cannot be read, or the page cannot be written.
    """
    runs = folder.read(run_dirs)
    every = len(runs) <= pairs.ALL_PAIRS
    return _write(path, f"Comparison of {len(runs)} runs", runs, "runs", every)


def write_study(path: Path, models: dict[str, Path], front: Sequence[Table]) -> Path:
    """Writes the page of a study, which compares every two of its models.

    Args:
      path: of the page.
      models: folder of the chosen run of each model, by the model's name.
      front: tables of the study.

    Returns:
      `path`.

    Raises:
      UserError: as of `write`.
    """
    read = folder.read(list(models.values()))
    runs = [run._replace(name=name) for run, name in zip(read, models, strict=True)]
    many = f"{len(runs)} models" if len(runs) > 1 else runs[0].name
    return _write(path, f"Study of {many}", runs, "models", True, front)


def joint_path(run_dirs: Sequence[Path], file: str = "comparison.html") -> Path:
    """Where a page goes: into the folder that the runs have in common.

    Runs that have none but the root of the disk in common get it in the current folder.
    """
    try:
        common = Path(os.path.commonpath([run.resolve() for run in run_dirs]))
    except ValueError:  # on Windows, of two drives
        common = Path(os.sep)
    return (Path.cwd() if common.parent == common else common) / file


# Six parameters: what runs and studies differ in.
def _write(
    path: Path,
    title: str,
    runs: Sequence[Run],
    kind: str,
    every: bool,
    front: Sequence[Table] = (),
) -> Path:
    names, found = [run.name for run in runs], [run.results for run in runs]
    tested = [patches.of(run) for run in runs]
    paired = pairs.of(tested, every=every)
    of_labels = all(of.get("test_without_label_normalization") for of in found)
    figures = pairs.figures(paired, with_labels=of_labels)
    sections = [section.of(run) for run in runs]
    gallery = joined.gallery_of(tested)
    several = len(runs) > 1
    page = frame.render(
        HERE / "comparison.html",
        (*document.STYLES, HERE / "comparison.css"),
        (*document.SCRIPTS, HERE / "comparison.js") if gallery else (),
        title=title,
        badges=sorted({badge for of in sections for badge in of.badges}),
        several=several,
        headline=[answer.headline(names, paired, figures, kind)]
        if several
        else sections[0].verdict,
        by_figure=_by_figure(names, found, answer.by_figure(names, paired, figures, every=every)),
        scope="Every two are compared." if every else f"Each is compared with {names[0]}.",
        warnings=shared.told([of.warnings for of in sections], names),
        notes=shared.told([of.notes for of in sections], names),
        caption=f"Every two {kind}: the first less the other"
        if every
        else f"Each of the other {kind} less {names[0]}",
        legend=LEGEND,
        labels=[label[0].upper() + label[1:] for label in figures.values()],
        rows=[_row(pair, names, figures) for pair in paired if pair.differences is not None],
        unpaired=[f"{names[p.base]} and {names[p.other]} {p.why}." for p in paired if p.why],
        front=front,
        options=options.differing(runs),
        side_by_side=wide_tables.side_by_side(names, found),
        overview=_overview(names, found),
        curves=curves(names, found),
        terms_differ=len({of["config"].get("look_weight") or 0 for of in found}) > 1,
        gallery=gallery,
        shows=(SHOWS if several else SHOWS_OF_ONE).items(),
        # Of many runs the page would grow without end; each has its own report.
        headings=document.FIGURES if len(runs) <= pairs.ALL_PAIRS else {},
        runs=[
            {"section": of, "report": link(run.folder, path)}
            for of, run in zip(sections, runs, strict=True)
        ],
    )
    files.write(path, page, "free space there or choose another file")
    return path


def _by_figure(
    names: Sequence[str], found: Sequence[dict], paired: Sequence[tuple[str, str, str]]
) -> list[tuple[str, str]]:
    """What is said of each figure: first of what is not paired, and of maps beside blind ones."""
    lines = []
    if paired and (without := answer.without_labels(names, found)):
        lines.append(("Accuracy without label normalisation", without))
    for figure, label, said in paired:
        beside = answer.beside_blind(figure, names, found)
        lines.append((label, f"{said} {beside}".rstrip()))
    return lines


def _row(pair: Pair, names: Sequence[str], figures: Iterable[str]) -> dict[str, Any]:
    """A pair as a row of the page's table."""
    assert pair.differences is not None
    assert pair.mcnemar is not None
    p = pair.mcnemar["p"]
    return {
        "base": names[pair.base],
        "other": names[pair.other],
        "patches": pair.patches,
        "cells": [_cell(pair, figure) for figure in figures],
        "counts": (
            pair.mcnemar["only_first"],
            pair.mcnemar["only_second"],
            "< 0.001" if p < 0.001 else f"{p:.3f}",
        ),
    }


def _cell(pair: Pair, figure: str) -> dict[str, str]:
    of = (pair.differences or {}).get(figure)
    if of is None or of["difference"] is None:
        return {"kind": "", "difference": NONE, "interval": "", "said": ""}
    kind, said = "", "within noise" if of["ci95"] else "no interval"
    if pairs.beyond(pair, figure):
        kind = said = "better" if of["difference"] > 0 else "worse"
    ends = "{:+.3f} to {:+.3f}".format(*of["ci95"]) if of["ci95"] else ""
    return {"kind": kind, "difference": f"{of['difference']:+.3f}", "interval": ends, "said": said}


def link(run_dir: Path, page: Path) -> str:
    """Where a run's own report lies, seen from the page; '' where there is none."""
    report = run_dir / "report.html"
    if not report.is_file():
        return ""
    try:
        there = os.path.relpath(report.resolve(), page.resolve().parent)
    except ValueError:  # on Windows, of two drives
        return report.resolve().as_uri()
    return quote(Path(there).as_posix())


def _overview(names: Sequence[str], found: Sequence[dict]) -> Picture:
    from jaxcbis.report.figures import overview, saving  # here: drawing takes seconds to import

    return pictures.of_svg(saving.svg(overview.draw(names, found)), overview.ALT)


def curves(names: Sequence[str], found: Sequence[dict]) -> list[Picture]:
    """The training curves of all runs on one axis.

    Args:
      names: of the runs.
      found: their results.json.
    """
    from jaxcbis.report.figures import curves as of_runs
    from jaxcbis.report.figures import saving

    return [
        pictures.of_svg(saving.svg(of_runs.draw(names, found, each)), of_runs.alt(each))
        for each in of_runs.quantities(found)
    ]
