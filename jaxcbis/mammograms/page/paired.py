"""Mammogram runs side by side, and paired on the test views that two of them have in common."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxcbis import flags
from jaxcbis.mammograms import config as options
from jaxcbis.mammograms.figures import baselines, levels
from jaxcbis.mammograms.figures.predictions import Predictions
from jaxcbis.mammograms.page import answer
from jaxcbis.mammograms.page.answer import LEVELS, level, signed
from jaxcbis.report.comparison.answer import NAMED
from jaxcbis.report.comparison.options import DIGITS, MACHINE, text
from jaxcbis.report.comparison.pairs import ALL_PAIRS
from jaxcbis.report.tables import NONE, Table, with_interval

#: Options that name a place; what lies there is compared by itself, or has another name.
_PLACES = ("data", "run", "imagenet_run")


class Run(NamedTuple):
    """A finished mammogram run.

    Attributes:
      folder: of the run.
      name: among those of the page.
      results: content of results.json.
      told: its answers to the test views.
    """

    folder: Path
    name: str
    results: dict
    told: Predictions


class Pair(NamedTuple):
    """Two runs on the test views that both answered.

    Attributes:
      first, other: the runs, counted from 0.
      views: how many they have in common.
      differences: by level, the first less the other, each of `baselines.compare`; empty where they
        have no view in common, or do not agree on what is malignant.
    """

    first: int
    other: int
    views: int
    differences: dict[str, dict]


def pairs(runs: Sequence[Run]) -> list[Pair]:
    """Every two runs, the later less the earlier; of many, each of the others less the first."""
    count = range(len(runs))
    every = len(runs) <= ALL_PAIRS
    chosen = itertools.combinations(count, 2) if every else ((0, k) for k in count[1:])
    return [pair(runs, other, first) for first, other in chosen]


def pair(runs: Sequence[Run], first: int, other: int) -> Pair:
    """The first run less the other one."""
    one, two = runs[first].told, runs[other].told
    _, ours, theirs = np.intersect1d(one.ids, two.ids, return_indices=True)
    if not len(ours) or (one.labels[ours] != two.labels[theirs]).any():
        return Pair(first, other, len(ours), {})
    items = [
        levels.by_level(levels.Answers(*(np.asarray(array)[index] for array in told.answers)))
        for told, index in ((one, ours), (two, theirs))
    ]
    found = {}
    for name in LEVELS:
        mine, its = (of[name] for of in items)
        others = {"other": its.probabilities}
        compared = baselines.compare(mine.labels, mine.patients, mine.probabilities, others)
        found[name] = compared["other"] or {}
    return Pair(first, other, len(ours), found)


def headline(runs: Sequence[Run]) -> str:
    """Which run has the highest AUC per view, and what it is beside the others.

    Of more than `ALL_PAIRS` runs it is the first one that is held against the others.
    """
    every = len(runs) <= ALL_PAIRS
    areas = [level(run.results, "view").get("auc") for run in runs]
    known = {k: area for k, area in enumerate(areas) if area is not None}
    if not known:
        return "No run has an AUC: the test views of each are of one class."
    lead = max(known, key=lambda k: known[k]) if every else min(known)
    found = with_interval(areas[lead], level(runs[lead].results, "view").get("auc_ci95"))
    said = [
        answer.relation(of["view"], runs[other].name)
        for other in range(len(runs))
        if other != lead and (of := pair(runs, lead, other).differences)
    ]
    if len(said) > NAMED:
        said[NAMED:] = [f"and {len(said) - NAMED} more are in the table"]
    highest = "the highest" if every else "an"
    beside = f": {', '.join(said)}" if said else ""
    return f"{runs[lead].name} has {highest} AUC per view, {found}{beside}."


def side_by_side(runs: Sequence[Run]) -> Table:
    """The figures of each run."""
    rows = []
    for run in runs:
        flips = (run.results.get("test_flips") or {}).get("view") or {}
        located = run.results.get("localization") or {}
        cells = [with_interval(of.get("auc"), of.get("auc_ci95"))
                 for of in (*(level(run.results, name) for name in LEVELS), flips)]  # fmt: skip
        cells.append(with_interval(located.get("pointing_game"), located.get("pointing_game_ci95")))
        rows.append((run.name, str(len(run.told.ids)), *cells))
    columns = ("run", "views", *LEVELS.values(), "flips averaged, per view", "pointing game")
    return Table(
        "AUC of each run, and where its map peaks", columns, rows, "95 % intervals, by patient."
    )


def differences(runs: Sequence[Run]) -> tuple[Table | None, list[str]]:
    """Paired differences of the AUC, and which runs cannot be paired."""
    rows, unpaired = [], []
    for found in pairs(runs):
        first, other = runs[found.first].name, runs[found.other].name
        if not found.differences:
            why = "call other views malignant" if found.views else "have no test view in common"
            unpaired.append(f"{first} and {other} {why}.")
            continue
        cells = (_cell(found.differences[name]) for name in LEVELS)
        rows.append((f"{first} less {other}", str(found.views), *cells))
    if not rows:
        return None, unpaired
    caption = (
        "95 % intervals, by a bootstrap over patients in which both see the same views. Each is of "
        "one difference: of twenty pairs that do not differ, one leaves out 0 by chance."
    )
    return Table(
        "Paired differences, AUC", ("", "views", *LEVELS.values()), rows, caption
    ), unpaired


def _cell(found: dict) -> str:
    said = signed(found)
    return f"{said}, {found['verdict']}" if found.get("verdict") else said


def differing(runs: Sequence[Run]) -> Table:
    """A row for each thing in which they were made in different ways, a column for each run."""
    usual = flags.defaults(options.OPTIONS, demo=False)
    rows: list[tuple[str, list[str]]] = []
    for each in options.OPTIONS:
        if each.name in options.INCIDENTAL or each.name in _PLACES:
            continue
        values = [run.results["config"].get(each.name, usual[each.name]) for run in runs]
        rows.append((flags.named(each), [flags.text(each, value) for value in values]))
    rows.append(("patch runs", [_names(run.results["config"]["run"]) for run in runs]))
    rows.append(("data", [_data(run.results) for run in runs]))
    rows.append(("weights", [_weights(run.results) for run in runs]))
    for key, name in MACHINE.items():
        rows.append((name, [text((run.results["environment"] or {}).get(key)) for run in runs]))
    return Table(
        "What differs in how they were made",
        ("option", *(run.name for run in runs)),
        [(name, *cells) for name, cells in rows if len(set(cells)) > 1],
        "All other options are the same. Weights: by fingerprints of those that each began with.",
    )


def _names(folders: Sequence[str]) -> str:
    return ", ".join(Path(folder).name for folder in folders)


def _data(results: dict) -> str:
    splits = results["data"].get("splits") or {}
    counts = ", ".join(f"{splits[name]['total']} {name}" for name in splits)
    return f"{results['data'].get('name', NONE)}: {counts}"


def _weights(results: dict) -> str:
    def of(source: dict[str, Any]) -> str:
        return f"{source.get('format', NONE)} {(source.get('sha256') or '')[:DIGITS]}".strip()

    return ", ".join(map(of, results["weights"]))
