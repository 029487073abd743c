"""Goes through the rows and models, and hands the results on."""

import argparse
import os
import tempfile
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from benchmarks import hardware, measure, memory, report
from benchmarks.measure import Skipped, Work
from benchmarks.speed import compiling, flops, inputs, rows, starts, tasks
from jaxcbis.errors import UserError, first_line
from jaxcbis.machine.console import say, warn
from jaxcbis.models.model import Model
from jaxcbis.records.results import write

SCHEMA = 1

#: What the results tell of a row beside its times; null where it has none. `compile_s` is that of a
#: first start: null where programs came from the compilation cache, `cache_hits` of them.
FIGURES = (
    "import_s", "trace_s", "compile_s", "cache_hits", "bound", "prefix_s", "epochs_to_pay",
    "ours_memory_mb", "peer_memory_mb", "flops_share_ours", "flops_share_peer",
)  # fmt: skip


#: Repetitions of ours alone, which stand in the results until PyTorch's half is measured.
FIRST = 3


class Bench(NamedTuple):
    """What all rows are measured with.

    Attributes:
      platform: 'cpu' or 'gpu'.
      torch: PyTorch's side; None where only ours is timed.
      flops: that the device does a second in a large matrix product.
      repetitions, seconds: see `measure.alternate`.
      first_steps: takes the parts of every process of time_to_first_step.
    """

    platform: str
    torch: Any
    flops: float
    repetitions: int
    seconds: float
    first_steps: list[dict]


class Measured(NamedTuple):
    """Seconds of every repetition of ours and of the peer, the peer's name, and FIGURES."""

    ours: list[float]
    peer: list[float]
    peer_name: str
    figures: dict


def run(options: argparse.Namespace) -> dict:
    """Measures what the options ask for, prints it, and writes it if asked.

    Args:
      options: of the command line.

    Returns:
      {kind, schema, hardware, versions, settings, rows, first_steps, notes}.

    Raises:
      UserError: no such row, no such device, PyTorch absent or without the GPU that JAX uses.
      ExceptionGroup: rows failed; the others are measured and written all the same.
    """
    chosen = options.rows or list(rows.ROWS)
    if unknown := [row for row in chosen if row not in rows.ROWS]:
        raise UserError(f"--rows {' '.join(unknown)}: expected some of {', '.join(rows.ROWS)}")
    bench, results = _start(options)
    faults: list[Exception] = []
    for model in options.models:
        backbone = rows.load(model)
        for row in chosen:
            if row == "input" and model != options.models[0]:
                continue  # no model in it
            if fault := _measure(row, backbone, options, bench, results):
                faults.append(fault)
    report.show(report.table(results), report.footnotes(results))
    if options.output:
        write(options.output, results)
        report.plot(results, options.output.with_suffix(".png"))
        say(f"Results: {options.output}   Plot: {options.output.with_suffix('.png')}")
    if faults:
        raise ExceptionGroup("rows failed", faults)
    return results


def _start(options: argparse.Namespace) -> tuple[Bench, dict]:
    """What all rows are measured with, and results without a row."""
    platform = hardware.start(options.device)
    notes: list[str] = []
    if not flops.countable():
        _note(
            notes,
            "operations are not counted, so there is no % and no goal of s1_run: JAX has no CPU "
            "here that counts them; leave JAX_PLATFORMS unset",
        )
    torch = None
    if options.against:
        torch = connect(platform, options.tuning_seconds, partial(_note, notes))
    results = hardware.header("rows", SCHEMA)
    rates = flops.matmul_rates(platform, torch is not None)
    results["hardware"]["matmul_flops"] = rates
    results |= {"settings": settings(options), "rows": [], "first_steps": [], "notes": notes}
    repetitions = options.repetitions, options.seconds
    bench = Bench(platform, torch, max(rates.values()), *repetitions, results["first_steps"])
    return bench, results


def _note(notes: list[str], text: str) -> None:
    notes.append(text)
    warn(text)


def _measure(
    row: str, backbone: Model, options: argparse.Namespace, bench: Bench, results: dict
) -> Exception | None:
    """Adds a row of one model to the results, or a note where it cannot be measured.

    Returns:
      What either side failed with: a rented GPU is not to stand idle for one row.
    """
    before = len(results["rows"])

    def at(batch: int) -> None:
        work = rows.work(row, backbone, batch, options.image_size, options.images, options.epochs)
        for measured in measure_row(work, backbone, bench):
            results["rows"][before:] = [measured]
            if options.output:  # what was measured survives a kill
                write(options.output, results)

    note, what = partial(_note, results["notes"]), f"{row} {backbone.architecture.name}"
    fault = None
    try:
        measure.halving(at, options.batch, what, note)
    except Skipped as reason:
        note(f"skipped {reason}")
    except UserError:
        raise
    except Exception as error:
        fault = error
        note(f"failed {what}: {type(error).__name__}: {first_line(error)}")
    for measured in results["rows"][before:]:
        say(_line(measured))
    return fault


def settings(options: argparse.Namespace) -> dict:
    """The options that a measurement hangs on, and what both sides are started with."""
    left_out = ("output",)
    return {key: value for key, value in vars(options).items() if key not in left_out} | {
        name: os.environ.get(name) for name in ("OMP_WAIT_POLICY", "GLIBC_TUNABLES")
    }


def connect(platform: str, seconds: float, note) -> Any:
    """PyTorch on the device that JAX uses.

    Raises:
      UserError: it is not installed, or sees no GPU.
    """
    if missing := [name for name in ("torch", "torchvision") if not find_spec(name)]:
        raise UserError(
            f'--against torch: {" and ".join(missing)} not installed; pip install -e ".[benchmark]"'
        )
    from benchmarks.peer import rows as torch_rows

    if platform == "gpu" and not torch_rows.torch.cuda.is_available():
        raise UserError(
            "--against torch: JAX uses a GPU that PyTorch does not see; install a PyTorch for it, "
            "or use --device cpu"
        )
    return torch_rows.Torch(platform, rows.draw, rows.draw_splits, seconds, note)


def measure_row(work: Work, backbone: Model, bench: Bench) -> Iterator[dict]:
    """One row of the results at one batch size: first without the peer, then with it.

    Yields:
      The row, each time with all that is known of it.
    """
    if work.row == "input":
        yield from (_row(*found) for found in _input(work, bench))
    elif work.row == "time_to_first_step":
        yield from (_row(work, found) for found in _first_step(work, bench))
    elif work.row == "second_start":
        second, first = starts.second_start(work, bench.platform, min(bench.repetitions, 3))
        figures = {"compile_s": float(np.median(second))}
        yield _row(work, Measured(second, first, "our first start", figures))
    else:
        yield from (_row(work, found) for found in _within(work, backbone, bench))


def _row(work: Work, measured: Measured) -> dict:
    row = measure.summarize(work, rows.unit(work.row), *measured[:3])
    bound = measured.figures.get("bound")
    row |= {
        "target": rows.target(work.row, work.model, jax.default_backend(), bound),
        "what": rows.ROWS[work.row],
        "left_out": rows.LEFT_OUT.get(work.row),
    }
    row |= dict.fromkeys(FIGURES) | measured.figures
    if bound is not None:
        row["left_out"] += f"; operations of the peer's epochs over ours: {bound:.2f}"
    if row["prefix_s"] is not None:
        row["left_out"] += f": {row['prefix_s']:.2g} s"
        if row["peer"] is not None and row["peer"] > row["ours"]:
            row["epochs_to_pay"] = 1 + int(row["prefix_s"] / (row["peer"] - row["ours"]))
            row["left_out"] += f", made good after {row['epochs_to_pay']} epochs"
    return row


def _within(work: Work, backbone: Model, bench: Bench) -> Iterator[Measured]:
    """Both sides in this process; ours alone comes first where PyTorch's is to follow."""
    rng = np.random.default_rng(1)
    parts: list[dict] = []
    ours_only, torch = work.row in rows.OURS_ONLY, bench.torch
    held = sum(leaf.nbytes for leaf in jax.tree.leaves(backbone)) / 2**20
    meter = memory.of_jax()
    with compiling.parts() as seconds:
        ours, ours_mb = measure.build(lambda: tasks.ours(work, backbone, parts.append), rng, meter)
    figures: dict = seconds | {"ours_memory_mb": _add(ours_mb, held)}
    count, peer = flops.of(work, backbone), None

    def measured(repetitions: int, most: float) -> Measured:
        parts.clear()  # compiling, or an earlier measurement, is in them
        times = measure.alternate(ours, peer, rng, repetitions, most)
        if parts:
            figures["prefix_s"] = float(np.median([part["prefix_s"] for part in parts]))
        for side, taken in zip(("ours", "peer"), times, strict=True):
            if taken and count:
                figures[f"flops_share_{side}"] = count / float(np.median(taken)) / bench.flops
        return Measured(*times, peer.name if peer else "", dict(figures))

    if ours_only:
        peer, peer_mb = measure.build(lambda: tasks.our_other(work, backbone), rng, meter)
        figures["peer_memory_mb"] = _add(peer_mb, held)
    elif torch:
        yield measured(min(FIRST, bench.repetitions), bench.seconds / 3)
        if work.row == "s1_run":
            figures["bound"] = flops.bound_of_run(work, backbone)
        torch.task(work)  # what it loads to find its settings is no part of what it then holds
        meter = memory.of_torch(bench.platform)
        peer, figures["peer_memory_mb"] = measure.build(lambda: torch.task(work), rng, meter)
    yield measured(bench.repetitions, bench.seconds)


def _first_step(work: Work, bench: Bench) -> Iterator[Measured]:
    """Each repetition of each side in a process of its own, which tells its parts."""
    parts: dict[str, list[dict]] = {"ours": [], "torch": []}

    def side(name: str) -> measure.Task:
        def record(done: dict) -> None:
            parts[name].append(done)
            bench.first_steps.append({"model": work.model, "side": name} | done)

        return starts.task(name, work, bench.platform, record)

    def all_of(name: str, key: str) -> list:
        return [part[key] for part in parts[name]]

    def median(name: str, key: str) -> float | None:
        return float(np.median(all_of(name, key))) if parts[name] else None

    def measured() -> Measured:
        figures = {key: median("ours", key) for key in ("import_s", "trace_s", "compile_s")}
        figures["ours_memory_mb"] = median("ours", "peak_memory_mb")
        figures["peer_memory_mb"] = median("torch", "peak_memory_mb")
        name = f"PyTorch {bench.torch.version}, eager" if parts["torch"] else ""
        return Measured(all_of("ours", "total_s"), all_of("torch", "total_s"), name, figures)

    rng, left = np.random.default_rng(1), bench.repetitions
    if bench.torch:
        measure.alternate(side("ours"), None, rng, 1, bench.seconds)
        yield measured()
        left = max(left - 1, 1)
    peer = side("torch") if bench.torch else None
    measure.alternate(side("ours"), peer, rng, left, bench.seconds)
    yield measured()


def _input(work: Work, bench: Bench) -> Iterator[tuple[Work, Measured]]:
    """Both sides read the same patches; their number stands where others have the batch."""
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        records, files = inputs.write(Path(folder))
        work = work._replace(batch=len(records))
        ours, peer = inputs.task(work.size, records), None
        ours.warm(rng)
        if bench.torch:
            first, _ = measure.alternate(ours, None, rng, FIRST, bench.seconds / 3)
            yield work, Measured(first, [], "", {})
            peer = bench.torch.input(work, files)
        times = measure.alternate(ours, peer, rng, bench.repetitions, bench.seconds)
        yield work, Measured(*times, peer.name if peer else "", {})


def _add(megabytes: float | None, more: float) -> float | None:
    return None if megabytes is None else megabytes + more


def _line(row: dict) -> str:
    line = f"{row['row']:<20} {row['model']:<9} ours {row['ours']:.4g} {row['unit']}"
    if row["peer"] is None:
        return line
    return f"{line}, {row['peer_name']} {row['peer']:.4g}, ratio {row['ratio']:.2f}"
