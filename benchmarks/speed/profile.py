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
from rich.table import Table

from benchmarks import hardware, report
from benchmarks.arguments import add_device, add_output, check
from benchmarks.measure import Work
from benchmarks.speed import rows
from jaxcbis.commands.words import Parser
from jaxcbis.designs import BACKBONES
from jaxcbis.errors import UserError
from jaxcbis.machine.console import console, say
from jaxcbis.models.model import Model
from jaxcbis.records.results import write
from jaxcbis.training import steps

SCHEMA = 1
#: The kind of time in which no operation is at work.
NOTHING = "nothing"
ROWS = ("train_all", "train_frozen", "train_behind_prefix")
_BOUNDS = {"batch": 1, "image_size": 32}


#: Steps of the call that is profiled on a GPU, where a run makes one call of an epoch.
_GPU_STEPS = 4
#: Operations that the results name, those that took longest.
_LARGEST = 12


class Span(NamedTuple):
    """An operation at work, in nanoseconds; `graph` where a CUDA graph has started it."""

    start: float
    stop: float
    operation: str
    graph: bool = False


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
    plan, state, frozen = rows.start_steps(work, backbone)
    program: jax.stages.Compiled
    if jax.default_backend() == "cpu":
        work = work._replace(steps=1)
        data = jax.device_put(rows.draw(work, np.random.default_rng(0)))
        program = steps.train_step.lower(plan, state, frozen, *data).compile()
    else:
        work = work._replace(steps=_GPU_STEPS)
        items = rows.device_items(work, backbone)
        data = (*items, rows.draw_order(work, np.random.default_rng(0)))
        program = rows.compiled_steps(plan, state, frozen, *data)

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
    kinds = kinds_of(program.as_text() or "")
    spans = spans_of(traced, kinds)
    on_gpu, found = gpu_spans(traced)
    if on_gpu:
        spans, kinds = on_gpu, found | kinds  # the program knows more of an operation
    if not spans:
        raise UserError(f"JAX's profiler told of no operation on {jax.default_backend()}")
    return {"steps": work.steps, "seconds": seconds} | described(spans, kinds, work.steps)


def described(spans: list[Span], kinds: dict[str, str], count: int) -> dict:
    """What the spans of a number of steps tell, see `main`."""
    shares = shares_of(spans, kinds)
    whole = (max(span.stop for span in spans) - min(span.start for span in spans)) / 1e9
    taken: dict[str, list[float]] = defaultdict(list)
    for span in spans:
        taken[span.operation].append((span.stop - span.start) / 1e9)
    longest = sorted(taken.items(), key=lambda item: -sum(item[1]))[:_LARGEST]
    return {
        "shares": shares,
        "busy_s": whole * (1 - shares.get(NOTHING, 0)) / count,
        "operations": len(spans) / count,
        "in_graphs": sum(span.graph for span in spans) / len(spans),
        "largest": [
            {"operation": name, "kind": kinds[name], "count": len(of), "seconds": sum(of)}
            for name, of in longest
        ],
    }


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
            called = re.search(r'custom_call_target="([^"]*)"', line)
            kinds[found[1]] = _kind(found[1], told[1] if told else "", called[1] if called else "")
    return kinds


def _kind(name: str, told: str, called: str = "") -> str:
    """Of an operation.

    Args:
      name: in the program. On a GPU convolutions and products are calls of cuDNN and cuBLAS, or
        Triton's.
      told: the JAX operation that it is made of.
      called: what a custom call calls, such as `__cudnn$convForward`.
    """
    backward = (
        "transpose(jvp" in told or name.startswith("cudnn-conv-bw") or "convBackward" in called
    )
    last = told.rpartition("/")[2]
    convolves = name.startswith(("convolution", "cudnn-conv")) or "$conv" in called
    if convolves or last == "conv_general_dilated":
        if "transpose" in name or "copy" in name:
            return "transposing"
        return "convolution, gradients" if backward else "convolution"
    multiplies = name.startswith(("dot", "cublas", "gemm")) or re.search("gemm|matmul", called)
    if multiplies or last == "dot_general":
        return "matrix product, gradients" if backward else "matrix product"
    if name.startswith("custom-call"):
        return "other"
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


def gpu_spans(profile: ProfileData) -> tuple[list[Span], dict[str, str]]:
    """When each operation was at work on a GPU, and its kind; nothing where the trace has no GPU.

    A kernel's name is not its operation's, which stands beside it. Only training steps count.
    """
    spans, kinds = [], {}
    for plane in profile.planes:
        if not plane.name.startswith("/device:GPU"):
            continue
        for event in (event for line in plane.lines for event in line.events):
            told = dict(event.stats)
            if "train_step" not in str(told.get("hlo_module")):
                continue
            operation = str(told.get("hlo_op") or event.name)
            kinds[operation] = _kind(operation, str(told.get("name", "")))
            stop = event.start_ns + event.duration_ns
            spans.append(Span(event.start_ns, stop, operation, "cuda_graph_id" in told))
    return spans, kinds


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
            total[NOTHING] += stop - start
    whole = edges[-1] - edges[0]
    ordered = sorted(total.items(), key=lambda item: -item[1])
    return {kind: length / whole for kind, length in ordered}


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
