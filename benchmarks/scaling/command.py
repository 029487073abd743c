"""Cost against work: seconds and memory over images, image size and batch size.

Every point is a process of its own. PyTorch's settings are found once per model, at the step of S2
that the sweeps share.
"""

import argparse
import json
import os
from typing import Any, NamedTuple

import numpy as np

from benchmarks import alone
from benchmarks.arguments import add_common, check
from benchmarks.measure import Work
from jaxcbis.commands.words import Parser
from jaxcbis.designs import BACKBONES

SCHEMA = 1
#: What is kept where another quantity is swept.
BATCH, SIZE = 16, 224
#: Side of an image, in pixels, where their number is swept: on two CPU cores larger ones would
#: take hours.
SWEPT_SIZE = {"cpu": 64, "gpu": 224}
_BOUNDS = {"images": 1, "sizes": 32, "batches": 1, "seconds": 1}


class Sweep(NamedTuple):
    """What is timed, over which quantity, and the slope of a cost that is linear in pixels."""

    what: str
    over: str
    linear: int


SWEEPS = {
    "head_epoch": Sweep("epoch of S1's head phase", "training images", 1),
    "s2_epoch": Sweep("epoch of S2", "training images", 1),
    "size": Sweep("training step of S2", "side of an image in pixels", 2),
    "batch": Sweep("training step of S2", "images in a batch", 1),
}

#: What of a point a slope is told of.
COSTS = ("ours", "prefix_s", "peer", "ours_memory_mb", "peer_memory_mb")


def main(arguments: list[str]) -> dict:
    """Runs the command.

    Returns:
      {kind, schema, hardware, versions, settings, points, slopes}.

    Raises:
      UserError: bad usage, no such device, PyTorch absent or without the GPU that JAX uses.
    """
    options = _parser().parse_args(arguments)
    check(options, _BOUNDS)
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # the points need the GPU's memory
    from benchmarks import hardware, report
    from benchmarks.scaling import report as scaling_report
    from benchmarks.speed import rows, run
    from jaxcbis.machine.console import say, warn
    from jaxcbis.records.results import write

    platform = hardware.start(options.device)
    if options.against:
        run.connect(platform, options.seconds, warn)
    settings = run.settings(options) | {"batch": BATCH, "size": SIZE}
    settings |= {"size_of_swept_images": SWEPT_SIZE[platform], "torch": {}}
    results = hardware.header("scaling", SCHEMA)
    results |= {"settings": settings, "points": [], "slopes": []}
    for model in options.models:
        works = plan(rows.load(model), options, SWEPT_SIZE[platform])
        if options.against:
            step = rows.work("train_frozen", rows.load(model), BATCH, SIZE, 0, 1)
            found = run_point("torch", platform, step, None, options.seconds)
            # Plain PyTorch where not even that could be tried.
            settings["torch"][model] = {} if "reason" in found else found
        for sweep, at, work in works:
            row: dict[str, Any] = {"sweep": sweep, "model": model, "at": at}
            row |= _sides(work, platform, settings["torch"].get(model), options.seconds)
            results["points"].append(row)
            results["slopes"] = slopes(results["points"])
            say(scaling_report.line(row))
            if options.output:  # what was measured survives a kill
                write(options.output, results)
    scaling_report.show(results)
    if options.output:
        plot = options.output.with_suffix(".png")
        report.save(scaling_report.plot(results), plot)
        say(f"Results: {options.output}   Plot: {plot}")
    return results


def plan(backbone: Any, options: argparse.Namespace, size: int) -> list[tuple[str, int, Work]]:
    """Every point: its sweep, where on it, and the work.

    Args:
      backbone: of the model.
      options: `images`, `sizes` and `batches`.
      size: side of an image where their number is swept.
    """
    from benchmarks.speed import rows

    head = rows.work("s1_run", backbone, BATCH, size, 0, 1).phases[:1]
    points = []
    for images in options.images:
        epoch = rows.work("s2_epoch", backbone, BATCH, size, images, 1)
        points += [
            ("head_epoch", epoch.images, epoch._replace(phases=head)),
            ("s2_epoch", epoch.images, epoch),
        ]
    for side in options.sizes:
        points.append(("size", side, rows.work("train_frozen", backbone, BATCH, side, 0, 1)))
    for batch in options.batches:
        points.append(("batch", batch, rows.work("train_frozen", backbone, batch, SIZE, 0, 1)))
    order = list(SWEEPS)
    return sorted(points, key=lambda point: (order.index(point[0]), point[1]))


def slopes(points: list[dict]) -> list[dict]:
    """Exponents of the costs, per sweep and model, see `slope`; 'linear' is that of linear cost."""
    keys = dict.fromkeys((point["sweep"], point["model"]) for point in points)
    found = []
    for sweep, model in keys:
        chosen = [p for p in points if (p["sweep"], p["model"]) == (sweep, model)]
        at = [point["at"] for point in chosen]
        row: dict = {"sweep": sweep, "model": model, "linear": SWEEPS[sweep].linear}
        found.append(row | {cost: slope(at, [p[cost] for p in chosen]) for cost in COSTS})
    return found


def slope(at: list[int], costs: list[float | None]) -> float | None:
    """Exponent k of cost ~ at**k, by least squares of the logarithms.

    None where fewer than two points were measured.
    """
    pairs = [(x, y) for x, y in zip(at, costs, strict=True) if y is not None and y > 0]
    if len({x for x, _ in pairs}) < 2:
        return None
    x, y = np.log(np.array(pairs, float)).T
    return float(np.polyfit(x, y, 1)[0])


def run_point(side: str, platform: str, work: Work, settings: dict | None, seconds: float) -> dict:
    """Runs `point.main` in a process of its own, for at most `seconds`.

    Returns:
      What it returns, or {'reason'} where it was not done in time or was killed.
    """
    words = [side, platform, json.dumps(settings), str(seconds), json.dumps(work)]
    return alone.run("benchmarks.scaling.point", words, seconds)


def _sides(work: Work, platform: str, settings: dict | None, seconds: float) -> dict:
    """What both sides cost, and why where they were not measured."""
    ours = run_point("ours", platform, work, None, seconds)
    peer = run_point("torch", platform, work, settings, seconds) if settings is not None else {}
    one, two = ours.get("seconds"), peer.get("seconds")
    return {
        "ours": one,
        "peer": two,
        "ratio": two / one if one and two else None,
        "prefix_s": ours.get("prefix_s"),
        "ours_memory_mb": ours.get("memory_mb"),
        "peer_memory_mb": peer.get("memory_mb"),
        "ours_reason": ours.get("reason"),
        "peer_reason": peer.get("reason"),
    }


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="benchmarks scaling",
        description=__doc__.replace("\n", " "),
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add_common(parser)
    add = parser.add_argument
    add("--models", nargs="+", choices=BACKBONES, default=["resnet50"], help="backbones")
    add("--images", nargs="*", type=int, metavar="N", default=[500, 1000, 2000, 5000],
        help=f"training images of an epoch, of {SWEPT_SIZE['cpu']} pixels on a CPU and "
        f"{SWEPT_SIZE['gpu']} on a GPU; half as many validate")  # fmt: skip
    add("--sizes", nargs="*", type=int, metavar="N", default=[128, 224, 320, 448],
        help=f"sides of an image in pixels, at a batch of {BATCH}")  # fmt: skip
    add("--batches", nargs="*", type=int, metavar="N", default=[8, 16, 32, 64, 128],
        help=f"images in a batch, at {SIZE} pixels")  # fmt: skip
    add("--seconds", type=float, default=300, metavar="X", help="that one point may take")
    return parser
