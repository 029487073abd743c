"""comparison.html: which of several runs differ beyond noise, in what, and patch by patch."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jaxcbis.machine import files
from jaxcbis.report.comparison import answer, options, pairs, shared
from jaxcbis.report.comparison.pairs import FIGURES, Pair
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
    "were tested on. AUC: of probabilities, a mean over classes. LL score: of each over the "
    "lesions that it classifies correctly. The last three columns count patches that one alone "
    "classifies correctly, and give McNemar's exact test, which takes patches for independent. "
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


def joint_path(run_dirs: Sequence[Path]) -> Path:
    """Where the page goes: comparison.html in the folder that the runs have in common.

    Runs that have none but the root of the disk in common get it in the current folder.
    """
    try:
        common = Path(os.path.commonpath([run.resolve() for run in run_dirs]))
    except ValueError:  # on Windows, of two drives
        common = Path(os.sep)
    return (Path.cwd() if common.parent == common else common) / "comparison.html"


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
        headline=[answer.headline(names, paired, kind)] if several else sections[0].verdict,
        by_figure=answer.by_figure(names, paired, every=every),
        scope="Every two are compared." if every else f"Each is compared with {names[0]}.",
        warnings=_once([of.warnings for of in sections], names),
        notes=_once([of.notes for of in sections], names),
        caption=f"Every two {kind}: the first less the other"
        if every
        else f"Each of the other {kind} less {names[0]}",
        legend=LEGEND,
        labels=[label[0].upper() + label[1:] for label in FIGURES.values()],
        rows=[_row(pair, names) for pair in paired if pair.differences is not None],
        unpaired=[f"{names[p.base]} and {names[p.other]} {p.why}." for p in paired if p.why],
        front=front,
        options=options.differing(runs),
        side_by_side=wide_tables.side_by_side(names, found),
        overview=_overview(names, found),
        curves=_curves(names, found),
        terms_differ=len({of["config"].get("look_weight") or 0 for of in found}) > 1,
        gallery=gallery,
        shows=(SHOWS if several else SHOWS_OF_ONE).items(),
        # Of many runs the page would grow without end; each has its own report.
        headings=document.FIGURES if len(runs) <= pairs.ALL_PAIRS else {},
        runs=[
            {"section": of, "report": _report(run, path)}
            for of, run in zip(sections, runs, strict=True)
        ],
    )
    files.write(path, page, "free space there or choose another file")
    return path


def _once(lines: Sequence[Sequence[str]], names: Sequence[str]) -> list[str]:
    return [f"{text} ({held})" if held else text for text, held in shared.once(lines, names)]


def _row(pair: Pair, names: Sequence[str]) -> dict[str, Any]:
    """A pair as a row of the page's table."""
    assert pair.differences is not None
    assert pair.mcnemar is not None
    p = pair.mcnemar["p"]
    return {
        "base": names[pair.base],
        "other": names[pair.other],
        "patches": pair.patches,
        "cells": [_cell(pair, figure) for figure in FIGURES],
        "counts": (
            pair.mcnemar["only_first"],
            pair.mcnemar["only_second"],
            "< 0.001" if p < 0.001 else f"{p:.3f}",
        ),
    }


def _cell(pair: Pair, figure: str) -> dict[str, str]:
    assert pair.differences is not None
    of = pair.differences[figure]
    if of["difference"] is None:
        return {"kind": "", "difference": NONE, "interval": "", "said": ""}
    kind, said = "", "within noise" if of["ci95"] else "no interval"
    if pairs.beyond(pair, figure):
        kind = said = "better" if of["difference"] > 0 else "worse"
    ends = "{:+.3f} to {:+.3f}".format(*of["ci95"]) if of["ci95"] else ""
    return {"kind": kind, "difference": f"{of['difference']:+.3f}", "interval": ends, "said": said}


def _report(run: Run, page: Path) -> str:
    """Where a run's own report lies, seen from the page; '' where there is none."""
    report = run.folder / "report.html"
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


def _curves(names: Sequence[str], found: Sequence[dict]) -> list[Picture]:
    from jaxcbis.report.figures import curves, saving

    return [
        pictures.of_svg(saving.svg(curves.draw(names, found, each)), curves.alt(each))
        for each in curves.quantities(found)
    ]
