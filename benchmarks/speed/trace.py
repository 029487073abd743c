"""A profiler's trace: which operations were at work when, of what kind, and their share of time."""

import itertools
import re
from collections import defaultdict
from typing import NamedTuple

from jax.profiler import ProfileData

#: The kind of time in which no operation is at work.
NOTHING = "nothing"
#: Operations that are named, those that took longest.
_LARGEST = 12


class Span(NamedTuple):
    """An operation at work, in nanoseconds; `graph` where a CUDA graph has started it."""

    start: float
    stop: float
    operation: str
    graph: bool = False


def described(spans: list[Span], kinds: dict[str, str], count: int) -> dict:
    """What the spans of a number of steps tell, see `profile.main`."""
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
