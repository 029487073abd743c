"""python -m benchmarks hosts: what a second host is worth, for one run and for two.

Every host is a process that has one core of this machine and meets the others on its loopback
interface: a network faster than any, and processors slower than most. The demo data, ResNet50, S2.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import hardware
from benchmarks.arguments import check
from jaxcbis.commands.words import Parser
from jaxcbis.errors import UserError
from jaxcbis.records.results import write

SCHEMA = 1


def main(arguments: list[str]) -> None:
    """Prints a table in Markdown, and writes it as JSON if asked.

    Raises:
      UserError: bad usage, or a run failed.
    """
    options = _parser().parse_args(arguments)
    check(options, {"batches": 1, "image_size": 32, "epochs": 2})
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        raise UserError("benchmarks hosts: needs two cores")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "patches.npz"
        size = ("--image-size", str(options.image_size))
        prepare = ("-m", "jaxcbis", "prepare", "--quiet", *size, "--export", str(data))
        _wait([_start(prepare, cores)])
        for batch in options.batches:
            words = (
                "-m", "jaxcbis", "train", "--data", str(data), *size, "--batch-size", str(batch),
                "--epochs", str(options.epochs), "--weights", "random", "--device", "cpu",
            )  # fmt: skip
            row = {"batch": batch, **_row(words, cores, Path(folder) / str(batch))}
            found.append(row)
            print(json.dumps(row))
    print("\n| batch | one host, s | two hosts | a run on each of two hosts |\n|---|---|---|---|")
    for row in found:
        print(
            f"| {row['batch']} | {row['one_s']:.1f} | {row['one_s'] / row['two_s']:.2f} x | "
            f"{2 * row['one_s'] / row['each_s']:.2f} x |"
        )
    if options.output:
        settings = {"image_size": options.image_size, "epochs": options.epochs}
        content = hardware.header("hosts", SCHEMA)
        write(options.output, content | {"settings": settings, "rows": found})


def _row(words: tuple[str, ...], cores: list[int], folder: Path) -> dict[str, float]:
    """Median seconds of an epoch but the first: alone, on two hosts, and of two runs at once."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    _wait([_start((*words, "--output", str(folder / "one")), cores[:1])])
    together = (*words, "--output", str(folder / "two"), "--coordinator", address)
    _wait(
        [
            _start((*together, "--num-processes", "2", "--process-id", str(number)), [core])
            for number, core in enumerate(cores)
        ]
    )
    _wait([_start((*words, "--output", str(folder / f"each{core}")), [core]) for core in cores])
    each = [_seconds(folder / f"each{core}") for core in cores]
    return {
        "one_s": _seconds(folder / "one"),
        "two_s": _seconds(folder / "two"),
        "each_s": float(np.mean(each)),
    }


def _start(words: tuple[str, ...], cores: list[int]) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.DEVNULL,
        env=os.environ | {"NPROC": str(len(cores))},
        preexec_fn=partial(os.sched_setaffinity, 0, cores),
    )  # fmt: skip


def _wait(processes: list[subprocess.Popen]) -> None:
    codes = [process.wait() for process in processes]
    if any(codes):
        raise UserError("benchmarks hosts: a run failed; see above")


def _seconds(run: Path) -> float:
    history = json.loads((run / "results.json").read_text())["history"]
    return float(np.median([row["seconds"] for row in history if row["epoch"] > 1]))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="benchmarks hosts",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--batches", type=int, nargs="+", default=[4, 16, 64], metavar="N", help="batch sizes")
    add("--image-size", type=int, default=128, metavar="N", help="side of an image in pixels")
    add("--epochs", type=int, default=4, metavar="N", help="of each run")
    add("--output", type=Path, metavar="FILE.json", help="also write the results")
    return parser
