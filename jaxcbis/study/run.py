"""The command `study`: every backbone, strategy, hyperparameter set and seed, and the choice."""

from pathlib import Path
from typing import Any

from jaxcbis import config as options
from jaxcbis.config import BY_BACKBONE, INCIDENTAL, Config
from jaxcbis.errors import UserError
from jaxcbis.machine import files
from jaxcbis.machine.console import console, live, reminding, say
from jaxcbis.records import folders, results
from jaxcbis.runs import claim, train
from jaxcbis.study import answer, board, cells, choice, execution, finished, tables
from jaxcbis.study.cells import SWEPT, Cell, Grid
from jaxcbis.study.execution import Machine

SCHEMA = 1


def run(given: dict[str, Any], grid: Grid, folder: Path, *, parallel: bool = False) -> dict:
    """Does all runs that are not done yet, and leaves the study in `folder`.

    Args:
      given: options that all runs have in common, by field name.
      grid: what the study sweeps over.
      folder: of the study; one that was begun with the same options is gone on with.
      parallel: each device of this host does runs of its own, a GPU several side by side, instead
        of a share of every run.

    Returns:
      The content of study.json.

    Raises:
      UserError: something that the user has to put right.
    """
    weights = grid.weights_of()
    configs = {
        cell: cells.configure(given, cell, weights[cell.backbone], folder) for cell in grid.cells()
    }
    _take(folder)
    with folders.lock(folder):
        kept = {name: options.absolute("weights", file) for name, file in weights.items()}
        record = _begin(folder, _shared(given, next(iter(configs.values()))), kept)
        machine = _machine(folder, configs, parallel)
        say(
            f"{len(configs)} runs: {', '.join(grid.backbones)} x {', '.join(grid.strategies)} x "
            f"{len(grid.sets)} hyperparameter sets x {grid.seeds} seeds, on "
            f"{machine.described}; results in {folder}"
        )
        _do_runs(folder, configs, record, machine)
        chosen = choice.choose(record["cells"])
        found = {row["run"]: results.read(folder / row["run"] / "results.json") for row in chosen}
        record["chosen"] = chosen
        record["comparisons"] = choice.compare(folder, chosen)
        record["notes"] = list(dict.fromkeys(n for of in found.values() for n in of["notes"]))
        shown = tables.write(folder, record, found)
        finished.write_page(folder, chosen, shown)
        record["status"] = results.FINISHED
        results.write(folder / "study.json", record)
    answer.show(folder, record, found, shown)
    return record


def _take(folder: Path) -> None:
    """Makes the study's folder; one that holds anything else is left as it is."""
    begun = (folder / "study.json").exists()
    if folder.exists() and not begun and not (folder.is_dir() and folders.unused(folder)):
        raise UserError(f"--output {folder}: holds other files; choose another folder")
    files.require_writable(folder, "choose another --output")


def _shared(given: dict[str, Any], config: Config) -> dict[str, Any]:
    """The options that all runs have in common; what hangs on the backbone as it was asked for.

    Args:
      given: of `run`.
      config: of one of the runs.
    """
    return {
        key: given.get(key) if key in BY_BACKBONE else value
        for key, value in options.recorded(config).items()
        if key not in (*SWEPT, *INCIDENTAL)
    }


def _begin(folder: Path, shared: dict[str, Any], weights: dict[str, str]) -> dict:
    """The record of a study that begins or goes on.

    Raises:
      UserError: the folder holds a study with other options.
    """
    record = {
        "schema": SCHEMA, "status": results.INTERRUPTED, "config": shared, "weights": weights,
        "cells": [], "chosen": [], "comparisons": [], "notes": [],
    }  # fmt: skip
    path = folder / "study.json"
    if not path.exists():
        results.write(path, record)
        return record
    before = results.read(path)
    differing = options.differing(
        {**before["config"], "weights": before["weights"]},
        {**shared, "weights": weights},
        scored=True,  # what is done has the figures that it has
    )
    if differing:
        raise UserError(
            f"--output {folder}: holds a study with other options ({'; '.join(differing)}); "
            "give the same ones to go on with it, or choose another folder"
        )
    return record


def _machine(folder: Path, configs: dict[Cell, Config], parallel: bool) -> Machine:
    """What the runs compute on, with as many threads as those that were begun before."""
    begun = (folder / cell.run / "results.json" for cell in configs)
    first = next(filter(Path.exists, begun), None)
    threads = claim.threads_of(results.read_run(first)) if first else None
    return execution.machine(next(iter(configs.values())), threads, parallel)


def _do_runs(folder: Path, configs: dict[Cell, Config], record: dict, machine: Machine) -> None:
    """Does what is left, and keeps the record's cells and study.json up to date."""
    record["cells"] = cells.done(list(configs), folder)
    if record["cells"]:
        say(f"{len(record['cells'])} of them are done already")
    done = [cells.of(row) for row in record["cells"]]
    left = {config: cell for cell, config in configs.items() if cell not in done}
    running: dict[Cell, str] = {}
    every, at_once = list(configs), machine.processes or 1

    def standing() -> str:
        return board.standing(every, record["cells"], list(running.values()), at_once)

    with live() as draw, reminding(standing):

        def watch(config: Config, row: dict | None) -> None:
            cell = left[config]
            if row is not None:
                phases = [phase.name for phase in train.phases_of(config)]
                running[cell] = board.progress(cell, row, phases, config.epochs)
                draw(board.board(every, record["cells"], running))
                return
            running.pop(cell, None)
            record["cells"] += cells.done([cell], folder)
            results.write(folder / "study.json", record)
            if not console.is_terminal:
                say(board.line(every, record["cells"], at_once))

        if left:
            execution.do(list(left), watch, machine)
    record["cells"].sort(key=lambda row: list(configs).index(cells.of(row)))
