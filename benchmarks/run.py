"""Goes through the rows and models, and hands the results on."""

import argparse
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import measure, report, rows
from benchmarks.measure import Skipped, Task, Work
from jaxcbis import device
from jaxcbis.console import console, say, warn
from jaxcbis.errors import UserError
from jaxcbis.report.results import write

SCHEMA = 1


def run(options: argparse.Namespace) -> dict:
    """Measures what the options ask for, prints it, and writes it if asked.

    Args:
      options: of the command line.

    Returns:
      {schema, hardware, versions, settings, rows, compile_seconds, first_steps, notes}.

    Raises:
      UserError: no such row, no such device, PyTorch absent or without the GPU that JAX uses.
    """
    chosen = options.rows or list(rows.ROWS)
    if unknown := [row for row in chosen if row not in rows.ROWS]:
        raise UserError(f"--rows {' '.join(unknown)}: expected some of {', '.join(rows.ROWS)}")
    platform = "cpu" if device.choose(options.device).platform == "cpu" else "gpu"
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text)
        warn(text)

    torch = connect(platform, options.seconds, note) if options.against else None
    hardware, versions = report.machine()
    settings = {key: value for key, value in vars(options).items() if key != "output"}
    settings["OMP_WAIT_POLICY"] = os.environ["OMP_WAIT_POLICY"]
    results: dict[str, Any] = {
        "schema": SCHEMA, "hardware": hardware, "versions": versions, "settings": settings,
        "rows": [], "compile_seconds": {}, "first_steps": [], "notes": notes,
    }  # fmt: skip
    for model in options.models:
        backbone = rows.load(model)
        for row in chosen:
            if row == "input" and model != options.models[0]:
                continue  # no model in it

            def at(batch: int, row=row, backbone=backbone) -> dict:
                work = rows.work(
                    row, backbone, batch, options.image_size, options.images, options.epochs
                )
                return measure_row(work, backbone, torch, platform, options, results)

            try:
                what = f"{row} {model}"
                results["rows"].append(measure.halving(at, options.batch, what, note))
            except Skipped as reason:
                note(f"skipped {reason}")
                continue
            say(_line(results["rows"][-1]))
            if options.output:  # what was measured survives a kill
                write(options.output, results)
    console.print(report.table(results))
    if options.output:
        write(options.output, results)
        report.plot(results, options.output.with_suffix(".png"))
        say(f"Results: {options.output}   Plot: {options.output.with_suffix('.png')}")
    return results


def connect(platform: str, seconds: float, note) -> Any:
    """PyTorch on the device that JAX uses.

    Raises:
      UserError: it is not installed, or sees no GPU.
    """
    if missing := [name for name in ("torch", "torchvision") if not find_spec(name)]:
        raise UserError(
            f"--against torch: {' and '.join(missing)} not installed; pip install "
            "jaxcbis[benchmark]"
        )
    from benchmarks import torch_side

    if platform == "gpu" and not torch_side.torch.cuda.is_available():
        raise UserError(
            "--against torch: JAX uses a GPU that PyTorch does not see; install a PyTorch for it, "
            "or use --device cpu"
        )
    return torch_side.Torch(platform, rows.draw, rows.draw_splits, seconds, note)


def measure_row(
    work: Work, backbone, torch, platform: str, options: argparse.Namespace, results: dict
) -> dict:
    """One row of the results at one batch size; compile times and first steps go to `results`."""
    unit = rows.unit(work.row)
    peer: Task | None = None
    with tempfile.TemporaryDirectory() as folder:
        if work.row == "second_start":
            second, first = rows.second_start(work, platform, min(options.repetitions, 3))
            return measure.summarize(work, unit, second, first, "our first start")
        if work.row == "input":
            ours, peer, work = _input(work, torch, Path(folder))
        elif work.row == "time_to_first_step":
            record = results["first_steps"].append
            ours = rows.process_task("ours", work, platform, record)
            if torch:
                name = f"PyTorch {torch.version}, eager"
                peer = rows.process_task("torch", work, platform, record)._replace(name=name)
        else:
            ours = rows.ours(work, backbone)
            if work.row in rows.OURS_ONLY:
                peer = rows.our_peer(work, backbone)
            else:
                peer = torch.task(work) if torch else None
        rng = np.random.default_rng(1)
        compiled = device.compile_seconds()
        ours.warm(rng)
        results["compile_seconds"][f"{work.row} {work.model}"] = device.compile_seconds() - compiled
        if peer:
            peer.warm(rng)
        times = measure.alternate(ours, peer, rng, options.repetitions, options.seconds)
    return measure.summarize(work, unit, *times, peer.name if peer else "")


def _input(work: Work, torch, folder: Path) -> tuple[Task, Task | None, Work]:
    """Both sides read the same patches; their number stands where others have the batch."""
    records, files = rows.input_data(folder)
    peer = torch.input(work, files) if torch else None
    return rows.ours_input(work.size, records), peer, work._replace(batch=len(records))


def _line(row: dict) -> str:
    line = f"{row['row']:<20} {row['model']:<9} ours {row['ours']:.4g} {row['unit']}"
    if row["peer"] is None:
        return line
    return f"{line}, {row['peer_name']} {row['peer']:.4g}, ratio {row['ratio']:.2f}"
