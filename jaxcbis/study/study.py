"""The whole study: every backbone, strategy, hyperparameter set and seed, and the choice.

The set with the lowest validation loss is chosen, never by a test score.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxcbis import config as options
from jaxcbis.config import INCIDENTAL, Config
from jaxcbis.errors import UserError
from jaxcbis.evaluation import comparison
from jaxcbis.machine.console import console, live, say
from jaxcbis.records import folders, predictions, results
from jaxcbis.report import tables
from jaxcbis.report.page import html
from jaxcbis.runs import claim
from jaxcbis.study import board, side_by_side, study_tables

SCHEMA = 1
#: The six hyperparameter sets: all four best rows of the paper's Table II lie in them.
BATCH_SIZES = (8, 16, 32)
BACKBONE_RATES = (3e-5, 3e-4)
#: Options that the cells differ in.
SWEPT = ("backbone", "strategy", "batch_size", "backbone_lr", "seed", "weights")


class Cell(NamedTuple):
    """One run of the study."""

    backbone: str
    strategy: str
    batch_size: int
    backbone_lr: float
    seed: int

    @property
    def run(self) -> str:
        """Its folder inside the study's."""
        return (
            f"runs/{self.backbone}-{self.strategy}-batch{self.batch_size}"
            f"-rate{self.backbone_lr:g}-seed{self.seed}"
        )


def run(
    given: dict[str, Any],
    backbones: Sequence[str],
    strategies: Sequence[str],
    seeds: int,
    weights: Sequence[str],
    folder: Path,
    parallel: bool = False,
) -> dict:
    """Does all runs that are not done yet, and leaves the study in `folder`.

    Args:
      given: options that all runs have in common, by field name.
      backbones, strategies: to run.
      seeds: from 0 on; how many.
      weights: one for all backbones, or one per backbone in their order.
      folder: of the study; one that was begun with the same options is gone on with.
      parallel: each device of this host does runs of its own, a GPU several side by side, instead
        of a share of every run.

    Returns:
      The content of study.json.

    Raises:
      UserError: something that the user has to put right.
    """
    if len(weights) not in (1, len(backbones)):
        raise UserError(
            f"--weights: got {len(weights)} for {len(backbones)} backbones; give one for all, or "
            "one per backbone in their order"
        )
    by_backbone = dict(zip(backbones, itertools.cycle(weights), strict=False))
    cells = [
        Cell(backbone, strategy, batch_size, rate, seed)
        for backbone in backbones
        for seed in range(seeds)
        for strategy in strategies
        for batch_size, rate in itertools.product(BATCH_SIZES, BACKBONE_RATES)
    ]
    configs = {cell: _config(given, cell, by_backbone[cell.backbone], folder) for cell in cells}
    record = _claim(folder, next(iter(configs.values())), by_backbone)
    held = folders.lock(folder)
    begun = [path for cell in cells if (path := folder / cell.run / "results.json").exists()]
    threads = claim.threads_of(results.read_run(begun[0])) if begun else None
    machine = side_by_side.machine(configs[cells[0]], threads, parallel)
    say(
        f"{len(cells)} runs: {', '.join(backbones)} x {', '.join(strategies)} x "
        f"{len(BATCH_SIZES) * len(BACKBONE_RATES)} hyperparameter sets x {seeds} seeds, on "
        f"{machine.described}; results in {folder}"
    )
    record["cells"] = [_record(cell, _read(folder / cell.run)) for cell in _done(cells, folder)]
    if record["cells"]:
        say(f"{len(record['cells'])} of them are done already")
    left = {configs[cell]: cell for cell in cells if cell not in map(_cell_of, record["cells"])}
    running: dict[Cell, dict] = {}
    with live() as draw:

        def watch(config: Config, row: dict | None) -> None:
            cell = left[config]
            if row is not None:
                running[cell] = row
                draw(board.board(cells, record["cells"], running.items()))
                return
            running.pop(cell, None)
            record["cells"].append(_record(cell, _read(folder / cell.run)))
            results.write(folder / "study.json", record)
            if not console.is_terminal:
                say(board.line(cells, record["cells"], machine.processes or 1))

        if left:
            side_by_side.do(list(left), watch, machine, threads)

    record["cells"].sort(key=lambda row: cells.index(_cell_of(row)))
    record["chosen"] = choose(record["cells"])
    record["comparisons"] = _compare(folder, record["chosen"])
    of_chosen = {row["run"]: _read(folder / row["run"]) for row in record["chosen"]}
    record["notes"] = list(dict.fromkeys(n for found in of_chosen.values() for n in found["notes"]))
    record["status"] = "finished"
    results.write(folder / "study.json", record)
    shown = study_tables.write(folder, record, of_chosen)
    report = html.compare(folder / "report.html", [folder / run for run in of_chosen], shown)
    held.close()
    for table in shown:
        console.print(tables.rendered(table))
    for note in record["notes"]:
        say(f"Note: {note}")
    say(f"Results: {folder / 'study.json'}   Tables: {folder / 'tables.md'}   Report: {report}")
    return record


def choose(cells: Sequence[dict]) -> list[dict]:
    """The hyperparameter set of each backbone and strategy with the lowest validation loss.

    Args:
      cells: of study.json.

    Returns:
      Of each {backbone, strategy, run, hyperparameters, val_loss, seeds}: `run` is the first
      seed's, so that no seed is chosen; val_loss is the mean over seeds, by which
      the set was; seeds has {mean, deviation, values} of the test figures over seeds, deviation
      None for a single one.
    """
    found = []
    for key in dict.fromkeys((row["backbone"], row["strategy"]) for row in cells):
        sets: dict[tuple, list[dict]] = {}
        for row in cells:
            if (row["backbone"], row["strategy"]) == key:
                sets.setdefault(tuple(row["hyperparameters"].items()), []).append(row)
        best = min(sets.values(), key=lambda rows: np.mean([row["val_loss"] for row in rows]))
        first = min(best, key=lambda row: row["seed"])
        found.append(
            {
                **{name: first[name] for name in ("backbone", "strategy", "run")},
                "hyperparameters": first["hyperparameters"],
                "val_loss": float(np.mean([row["val_loss"] for row in best])),
                "seeds": {name: _spread(best, *path) for name, path in _SPREAD.items()},
            }
        )
    return found


#: Figures whose spread over seeds is told, and where a cell has them.
_SPREAD = {
    "accuracy": ("test", "accuracy"),
    "auc_mean": ("test", "auc_mean"),
    "auc_hard_mean": ("test", "auc_hard_mean"),
    "ll_score": ("localization", "ll_score"),
}


def _spread(rows: Sequence[dict], part: str, name: str) -> dict:
    values = [row[part][name] for row in rows]
    known = [value for value in values if value is not None]
    return {
        "mean": float(np.mean(known)) if known else None,
        "deviation": float(np.std(known, ddof=1)) if len(known) > 1 else None,
        "values": values,
    }


def _config(given: dict[str, Any], cell: Cell, weights: str, folder: Path) -> Config:
    own = {"weights": weights, "output": str(folder / cell.run), "resume": True}
    return options.resolve(given | cell._asdict() | own)


def _claim(folder: Path, config: Config, weights: dict[str, str]) -> dict:
    """Makes the study's folder, or checks that what was begun there is this study."""
    shared = {
        key: value
        for key, value in dataclasses.asdict(config).items()
        if key not in (*SWEPT, *INCIDENTAL)
    }
    record = {
        "schema": SCHEMA, "status": "interrupted", "config": shared, "weights": weights,
        "cells": [], "chosen": [], "comparisons": [], "notes": [],
    }  # fmt: skip
    path = folder / "study.json"
    if path.exists():
        before = results.read(path)
        differing = options.differing(
            {**before["config"], "weights": before["weights"]}, {**shared, "weights": weights}
        )
        if differing:
            raise UserError(
                f"--output {folder}: holds a study with other options ({'; '.join(differing)}); "
                "give the same ones to go on with it, or choose another folder"
            )
        return record
    if folder.exists() and not (folder.is_dir() and folders.unused(folder)):
        raise UserError(f"--output {folder}: holds other files; choose another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--output {folder}: cannot make it: {error.strerror}") from error
    results.write(path, record)
    return record


def _done(cells: Sequence[Cell], folder: Path) -> Iterator[Cell]:
    for cell in cells:
        path = folder / cell.run / "results.json"
        if path.exists() and results.read(path)["status"] == "finished":
            yield cell


def _record(cell: Cell, found: dict) -> dict:
    """A cell as study.json has it."""
    timing = found["timing"]
    return {
        "backbone": cell.backbone,
        "strategy": cell.strategy,
        "hyperparameters": {
            "batch_size": cell.batch_size,
            "backbone_lr": cell.backbone_lr,
            "head_lr": found["config"]["head_lr"],
        },
        "seed": cell.seed,
        "val_loss": found["best"]["val_loss"],
        "epochs": tables.epochs_to_best(found),
        "run": cell.run,
        "test": found["test"],
        "test_without_label_normalization": found["test_without_label_normalization"],
        "test_official": found["test_official"],
        "localization": found["localization"],
        "seconds": timing["train_s"] + timing["evaluate_s"] + timing["cam_s"],
    }


def _cell_of(row: dict) -> Cell:
    sets = row["hyperparameters"]
    return Cell(
        row["backbone"], row["strategy"], sets["batch_size"], sets["backbone_lr"], row["seed"]
    )


def _read(run: Path) -> dict:
    return results.read(run / "results.json")


def _compare(folder: Path, chosen: Sequence[dict]) -> list[dict]:
    """Every two chosen models on the same test patches."""
    answers = [
        predictions.read_predictions(folder / row["run"] / "predictions.csv") for row in chosen
    ]
    pairs = itertools.combinations(zip(chosen, answers, strict=True), 2)
    return [
        {"runs": [one["run"], two["run"]]}
        | comparison.compare(
            of_one.labels, of_one.patients,
            (of_one.probabilities, of_one.iou), (of_two.probabilities, of_two.iou),
        )
        for (one, of_one), (two, of_two) in pairs
    ]  # fmt: skip
