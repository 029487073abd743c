"""python -m benchmarks parity: logits, loss and gradients on this device beside a CPU's.

A process on the CPU computes in float32 at the same time.
"""

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.table import Table

from benchmarks import ROOT, hardware, report
from benchmarks.arguments import add_device, add_output, check
from benchmarks.gpu import exported
from benchmarks.gpu.parity_side import answers
from jaxcbis.commands.words import Parser
from jaxcbis.data import normalization
from jaxcbis.designs import BACKBONES
from jaxcbis.errors import UserError
from jaxcbis.labels import LABELS
from jaxcbis.machine.console import console, say
from jaxcbis.records.results import write

SCHEMA = 1
#: Images of the batch.
BATCH = 4
#: Kind -> type of the convolutions, precision of products of float32 (TF32 on a GPU by default),
#: and the most that logits, loss and a stage's gradient may differ, relative to the CPU's norm.
#: Deep in a ReLU network a gradient differs by as many signs as the precision turns.
KINDS = {
    "float32": ("float32", "highest", (1e-4, 1e-4, 5e-3)),
    "tf32": ("float32", "default", (2e-2, 5e-3, 0.3)),
    "bfloat16": ("bfloat16", "default", (0.3, 5e-2, 0.9)),
}


def main(arguments: list[str]) -> dict:
    """Compares, prints the differences, and writes them after each kind if asked.

    Returns:
      {kind, schema, hardware, versions, model, weights, batch, image_size, rows: [{model, kind,
      logits, loss, gradients, seconds, bounds, ok}]}.

    Raises:
      UserError: bad usage, no such device, weights or data, or the CPU's process failed.
    """
    options = _parser().parse_args(arguments)
    check(options, {"image_size": 32})
    batch = read_batch(options.data, options.image_size)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "batch.npz", Path(folder) / "reference.npz"
        np.savez(source, images=batch[0], labels=batch[1])
        reference = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.gpu.parity_side", options.model, options.weights,
             str(source), str(target)],
            cwd=ROOT, env=os.environ | {"JAX_PLATFORMS": "cpu"}, text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            return _compare(options, batch, reference, target)
        finally:
            reference.kill()
            reference.wait()


def read_batch(data: Path | None, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Images float32 [BATCH, size, size, 1] with mean 0 and deviation 1, and labels int32 [BATCH].

    Args:
      data: .npz file of `prepare --export`, whose training patches are taken; noise if None.
      size: side of an image in pixels.
    """
    if data is None:
        rng = np.random.default_rng(0)
        images = rng.standard_normal((BATCH, size, size, 1), np.float32)
        return images, rng.integers(0, len(LABELS), BATCH, np.int32)
    train = exported.read(data, size)[0].splits["train"]
    chosen = train.select(np.linspace(0, len(train) - 1, BATCH).astype(int))
    statistics = normalization.measure(chosen.images, chosen.labels)
    return normalization.normalize(chosen.images, statistics), chosen.labels


def _compare(
    options: argparse.Namespace,
    batch: tuple[np.ndarray, np.ndarray],
    reference: subprocess.Popen,
    target: Path,
) -> dict:
    hardware.start(options.device)
    results = hardware.header("parity", SCHEMA) | {
        "model": options.model,
        "weights": Path(options.weights).name,
        "batch": BATCH,
        "image_size": options.image_size,
        "rows": [],
    }
    expected: dict[str, np.ndarray] = {}
    for kind, (dtype, precision, bounds) in KINDS.items():
        if kind == "tf32" and results["hardware"]["backend"] == "cpu":
            continue  # which has none
        began = time.perf_counter()
        got = answers(options.model, options.weights, batch, dtype, precision)
        seconds = time.perf_counter() - began
        if not expected:
            _, told = reference.communicate()
            if reference.returncode:
                raise UserError(f"the CPU's side failed: {(told.strip() or '?').splitlines()[-1]}")
            with np.load(target) as file:
                expected = dict(file)
        results["rows"].append(
            {"model": options.model, "kind": kind, "seconds": seconds}
            | compared(got, expected, bounds)
        )
        if options.output:  # what was compared survives a kill
            write(options.output, results)
    console.print(table(results))
    told = ", ".join(f"{row['kind']} {'ok' if row['ok'] else 'off'}" for row in results["rows"])
    say(f"{options.model} beside a CPU: {told}")
    return results


def compared(
    got: dict[str, np.ndarray], expected: dict[str, np.ndarray], bounds: tuple[float, float, float]
) -> dict:
    """Norms of the differences, relative to those of what was expected.

    Returns:
      {'logits', 'loss', 'gradients': {STAGE: ..}, 'bounds', 'ok'}: whether all are within bounds.
      None stands for a difference that is not finite, which no bound allows.
    """

    def difference(name: str) -> float | None:
        norm = np.linalg.norm(expected[name])
        found = float(np.linalg.norm(got[name] - expected[name]) / (norm or 1))
        return found if math.isfinite(found) else None

    gradients = {
        name.removeprefix("gradient "): difference(name)
        for name in expected
        if name.startswith("gradient ")
    }
    logits, loss = difference("logits"), difference("loss")
    found = [(logits,), (loss,), tuple(gradients.values())]
    return {
        "logits": logits,
        "loss": loss,
        "gradients": gradients,
        "bounds": dict(zip(("logits", "loss", "gradients"), bounds, strict=True)),
        "ok": all(
            value is not None and value <= bound
            for values, bound in zip(found, bounds, strict=True)
            for value in values
        ),
    }


def table(results: dict) -> Table:
    """Every kind's differences beside their bounds; of the gradients the worst stage's."""
    names = ("model", "precision", "logits", "loss", "worst gradient", "")
    title = "Relative difference to a CPU in float32 (bound)"
    shown = report.columns(names, text=len(names), title=title)
    for row in results["rows"]:
        stage, worst = max(
            row["gradients"].items(), key=lambda item: math.inf if item[1] is None else item[1]
        )
        bounds = row["bounds"]
        shown.add_row(
            row["model"], row["kind"], f"{_shown(row['logits'])} ({bounds['logits']:g})",
            f"{_shown(row['loss'])} ({bounds['loss']:g})",
            f"{_shown(worst)} in {stage} ({bounds['gradients']:g})",
            "ok" if row["ok"] else "off",
        )  # fmt: skip
    return shown


def _shown(difference: float | None) -> str:
    return "not finite" if difference is None else f"{difference:.1e}"


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="benchmarks parity",
        description=__doc__.replace("\n", " "),
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add_device(parser)
    add_output(parser)
    add = parser.add_argument
    add("--model", choices=BACKBONES, default="resnet50", help="backbone")
    add("--weights", default="random", metavar="FILE", help="imagenet, random, or a file")
    add("--data", type=Path, metavar="FILE.npz", help="whose patches to take; noise if not given")
    add("--image-size", type=int, default=224, metavar="N", help="side of an image in pixels")
    return parser
