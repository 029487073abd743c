"""Where a row's time goes: the share of each kind of operation, from JAX's own profiler."""

import argparse
import itertools
import re
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jax.profiler import ProfileData
from rich import box
from rich.table import Table

from benchmarks import measure, report, rows
from benchmarks.arguments import check
from jaxcbis import device
from jaxcbis.cli import Parser
from jaxcbis.config import BACKBONES
from jaxcbis.console import console, say
from jaxcbis.errors import UserError
from jaxcbis.report.results import write
from jaxcbis.training import steps

SCHEMA = 1
ROWS = ("train_all", "train_frozen", "train_behind_prefix")
_BOUNDS = {"batch": 1, "image_size": 32}


class Span(NamedTuple):
    """An operation at work, in nanoseconds."""

    start: float
    stop: float
    operation: str


def main(arguments: list[str]) -> dict:
    """Profiles one training step of each row and model, after warm-up.

    Returns:
      {kind, schema, hardware, versions, rows: [{row, model, batch, seconds, shares}]}.

    Raises:
      UserError: bad usage, or no such device.
    """
    options = _parser().parse_args(arguments)
    check(options, _BOUNDS)
    device.choose(options.device, measure.cores())
    hardware, versions = report.machine()
    results: dict = {
        "kind": "profile", "schema": SCHEMA, "hardware": hardware, "versions": versions, "rows": [],
    }  # fmt: skip
    for model in options.models:
        backbone = rows.load(model)
        for row in options.rows:
            work = rows.work(row, backbone, options.batch, options.image_size, options.batch, 1)
            seconds, shares = profile(work, backbone)
            results["rows"].append(
                {"row": row, "model": model, "batch": options.batch, "seconds": seconds}
                | {"shares": shares}
            )
            if options.output:
                write(options.output, results)
    console.print(table(results))
    if options.output:
        say(f"Results: {options.output}")
    return results


def profile(work, backbone) -> tuple[float, dict[str, float]]:
    """Seconds of one training step, and the share of each kind of operation in it.

    Args:
      work: of a row in ROWS.
      backbone: the model.

    Raises:
      UserError: JAX's profiler told of no operation on this device.
    """
    plan, state, frozen = rows.start_steps(work, backbone)
    inputs, labels = rows.draw(work, np.random.default_rng(0))
    batch = jax.device_put((inputs, labels))
    compiled = steps.train_step.lower(plan, state, frozen, *batch).compile()
    kinds = kinds_of(compiled.as_text() or "")
    for _ in range(2):
        state, *_ = jax.block_until_ready(compiled(state, frozen, *batch))
    began = time.perf_counter()
    state, *_ = jax.block_until_ready(compiled(state, frozen, *batch))
    seconds = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            jax.block_until_ready(compiled(state, frozen, *batch))
        (file,) = Path(folder).rglob("*.xplane.pb")
        spans = spans_of(ProfileData.from_file(str(file)), kinds)
    if not spans:
        raise UserError(f"JAX's profiler told of no operation on {jax.default_backend()}")
    return seconds, shares_of(spans, kinds)


def kinds_of(program: str) -> dict[str, str]:
    """The kind of each operation of a compiled program, by the operation's name.

    Args:
      program: HLO text. The JAX operation that an operation was made of stands in its metadata; of
        what is differentiated that one bears `transpose(jvp`.
    """
    kinds = {}
    for line in program.splitlines():
        found = re.match(r"\s*(?:ROOT )?%([\w.\-]+) = ", line)
        if found:
            told = re.search(r'op_name="([^"]*)"', line)
            kinds[found[1]] = _kind(found[1], told[1] if told else "")
    return kinds


def _kind(name: str, told: str) -> str:
    backward = "transpose(jvp" in told
    last = told.rpartition("/")[2]
    if name.startswith("convolution") or last == "conv_general_dilated":
        if "transpose" in name or "copy" in name:
            return "transposing"
        return "convolution, gradients" if backward else "convolution"
    if name.startswith("dot"):
        return "matrix product, gradients" if backward else "matrix product"
    if "transpose" in name or name.startswith("copy"):
        return "transposing"
    if "reduce" in name:
        return "sums"
    if "adam" in told or "optax" in told:
        return "optimizer"
    return "element-wise, gradients" if backward else "element-wise"


def spans_of(profile: ProfileData, kinds: dict[str, str]) -> list[Span]:
    """When each operation was at work.

    A CPU's convolution or matrix product is handed to other threads: its own event is short, and
    another one, `end: NAME`, tells when they were done.
    """
    starts: dict[str, float] = {}
    spans = []
    events = [
        event
        for plane in profile.planes
        for line in plane.lines
        for event in line.events
        if event.name.removeprefix("end: ") in kinds
    ]
    for event in sorted(events, key=lambda event: event.start_ns):
        if event.name.startswith("end: "):
            name = event.name.removeprefix("end: ")
            if name in starts:
                spans.append(Span(starts[name], event.start_ns + event.duration_ns, name))
        else:
            starts[event.name] = event.start_ns
            spans.append(Span(event.start_ns, event.start_ns + event.duration_ns, event.name))
    return spans


def shares_of(spans: list[Span], kinds: dict[str, str]) -> dict[str, float]:
    """Each kind's share of the time, largest first; sums to 1.

    Where several operations are at work, they share that time evenly; 'nothing' is the time between
    the first and the last operation in which none was.
    """
    edges = sorted({edge for span in spans for edge in span[:2]})
    begins, ends = defaultdict(list), defaultdict(list)
    for span in spans:
        begins[span.start].append(span.operation)
        ends[span.stop].append(span.operation)
    active: dict[str, int] = defaultdict(int)
    total: dict[str, float] = defaultdict(float)
    for start, stop in itertools.pairwise(edges):
        for operation in begins[start]:
            active[operation] += 1
        for operation in ends[start]:
            active[operation] -= 1
        now = [operation for operation, count in active.items() if count > 0]
        for operation in now:
            total[kinds[operation]] += (stop - start) / len(now)
        if not now:
            total["nothing"] += stop - start
    whole = edges[-1] - edges[0]
    ordered = sorted(total.items(), key=lambda item: -item[1])
    return {kind: length / whole for kind, length in ordered}


def table(results: dict) -> Table:
    """The shares of all profiled steps side by side, a kind of operation a line."""
    shown = Table(
        title="Share of a step's time", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False
    )
    shown.add_column("kind of operation")
    kinds: dict[str, float] = defaultdict(float)
    for row in results["rows"]:
        shown.add_column(f"{row['row']} {row['model']}, batch {row['batch']}", justify="right")
        for kind, share in row["shares"].items():
            kinds[kind] += share
    for kind in sorted(kinds, key=kinds.__getitem__, reverse=True):
        shown.add_row(kind, *(f"{row['shares'].get(kind, 0):.1%}" for row in results["rows"]))
    shown.add_row("seconds", *(f"{row['seconds']:.2f}" for row in results["rows"]))
    return shown


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="benchmarks profile",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--device", choices=("auto", "cpu", "gpu"), default="auto", help="where to compute")
    add("--output", type=Path, metavar="FILE.json", help="also write the results")
    add("--models", nargs="+", choices=BACKBONES, default=["vgg19", "resnet50"], help="backbones")
    add("--rows", nargs="+", choices=ROWS, default=list(ROWS), help="training steps")
    add("--batch", type=int, default=16, metavar="N", help="images per step")
    add("--image-size", type=int, default=224, metavar="N", help="side of an image in pixels")
    return parser
