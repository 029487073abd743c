"""Where a row's time goes: the share of each kind of operation, from JAX's own profiler."""

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import jax
import numpy as np
from jax.profiler import ProfileData
from rich.table import Table

from benchmarks import hardware, report
from benchmarks.arguments import add_device, add_output, check
from benchmarks.measure import Work
from benchmarks.speed import rows, tasks, trace
from jaxcbis.commands.words import Parser
from jaxcbis.designs import BACKBONES
from jaxcbis.errors import UserError
from jaxcbis.machine.console import console, say
from jaxcbis.models.model import Model
from jaxcbis.records.results import write
from jaxcbis.training import steps

SCHEMA = 1
ROWS = ("train_all", "train_frozen", "train_behind_prefix")
_BOUNDS = {"batch": 1, "image_size": 32}


#: Steps of the call that is profiled on a GPU, where a run makes one call of an epoch.
_GPU_STEPS = 4


def main(arguments: list[str]) -> dict:
    """Profiles the training steps of each row and model, after warm-up.

    Returns:
      {kind, schema, hardware, versions, rows: [{row, model, batch, steps, seconds, shares, busy_s,
      operations, in_graphs, largest}]}. `seconds`, `busy_s` (in which the device is at work) and
      `operations` are those of one step, `in_graphs` is the share of operations that CUDA graphs
      start, and `largest` has {operation, kind, count, seconds} of all steps.

    Raises:
      UserError: bad usage, or no such device.
    """
    options = _parser().parse_args(arguments)
    check(options, _BOUNDS)
    hardware.start(options.device)
    results = hardware.header("profile", SCHEMA) | {"rows": []}
    for model in options.models:
        backbone = rows.load(model)
        for row in options.rows:
            work = rows.work(row, backbone, options.batch, options.image_size, options.batch, 1)
            found = profile(work, backbone)
            results["rows"].append({"row": row, "model": model, "batch": options.batch} | found)
            if options.output:
                write(options.output, results)
    console.print(table(results))
    if options.output:
        say(f"Results: {options.output}")
    return results


def profile(work: Work, backbone: Model) -> dict:
    """What `main` tells of a row beside its name.

    Args:
      work: of a row in ROWS.
      backbone: the model.

    Raises:
      UserError: JAX's profiler told of no operation on this device.
    """
    plan, state, frozen = tasks.start_steps(work, backbone)
    program: jax.stages.Compiled
    if jax.default_backend() == "cpu":
        work = work._replace(steps=1)
        batch = tasks.on_device(rows.draw(work, np.random.default_rng(0)), work, backbone)
        data: tuple = (batch,)
        program = steps.train_step.lower(plan, state, frozen, batch).compile()
    else:
        work = work._replace(steps=_GPU_STEPS)
        items = tasks.device_items(work, backbone)
        order = tasks.draw_order(work, np.random.default_rng(0))
        data = (items, order)
        program = tasks.compiled_steps(plan, state, frozen, items, order)

    def step(state: steps.State) -> steps.State:
        return jax.block_until_ready(program(state, frozen, *data))[0]

    for _ in range(2):
        state = step(state)
    began = time.perf_counter()
    state = step(state)
    seconds = (time.perf_counter() - began) / work.steps
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            step(state)
        (file,) = Path(folder).rglob("*.xplane.pb")
        traced = ProfileData.from_file(str(file))
    kinds = trace.kinds_of(program.as_text() or "")
    spans = trace.spans_of(traced, kinds)
    on_gpu, found = trace.gpu_spans(traced)
    if on_gpu:
        spans, kinds = on_gpu, found | kinds  # the program knows more of an operation
    if not spans:
        raise UserError(f"JAX's profiler told of no operation on {jax.default_backend()}")
    return {"steps": work.steps, "seconds": seconds} | trace.described(spans, kinds, work.steps)


def table(results: dict) -> Table:
    """The shares of all profiled steps side by side, a kind of operation a line."""
    names = (f"{row['row']} {row['model']}, batch {row['batch']}" for row in results["rows"])
    shown = report.columns(["kind of operation", *names], title="Share of a step's time")
    kinds: dict[str, float] = defaultdict(float)
    for row in results["rows"]:
        for kind, share in row["shares"].items():
            kinds[kind] += share
    for kind in sorted(kinds, key=kinds.__getitem__, reverse=True):
        shown.add_row(kind, *(f"{row['shares'].get(kind, 0):.1%}" for row in results["rows"]))
    shown.add_row("seconds", *(_seconds(row["seconds"]) for row in results["rows"]))
    if all("busy_s" in row for row in results["rows"]):
        shown.add_row("of them at work", *(_seconds(row["busy_s"]) for row in results["rows"]))
        counts = (report.number(row["operations"]) for row in results["rows"])
        shown.add_row("operations", *counts)
        if any(row["in_graphs"] for row in results["rows"]):
            shares = (f"{row['in_graphs']:.0%}" for row in results["rows"])
            shown.add_row("of them in CUDA graphs", *shares)
    return shown


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else report.number(value)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="benchmarks profile",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add_device(parser)
    add_output(parser)
    add = parser.add_argument
    add("--models", nargs="+", choices=BACKBONES, default=["vgg19", "resnet50"], help="backbones")
    add("--rows", nargs="+", choices=ROWS, default=list(ROWS), help="training steps")
    add("--batch", type=int, default=16, metavar="N", help="images per step")
    add("--image-size", type=int, default=224, metavar="N", help="side of an image in pixels")
    return parser
