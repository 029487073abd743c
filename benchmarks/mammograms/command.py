"""python -m benchmarks mammograms: seconds and memory of classifying whole mammograms, by size.

Every row is a process of its own, so that its memory is its own. The most valuable rows come first,
and each is written before the next one begins: a run that is cut keeps what it has.
"""

import argparse
import json
import os
import re
import time
from pathlib import Path

from benchmarks import alone
from benchmarks.arguments import add_device, add_output, check
from benchmarks.mammograms import rows
from benchmarks.mammograms.rows import Row
from jaxcbis.commands.words import Parser
from jaxcbis.designs import BACKBONES
from jaxcbis.errors import InvalidValueError, UserError
from jaxcbis.mammograms import config

SCHEMA = 1
SIZES = ("1152x896", "576x448", "288x224")
_WORK = "benchmarks.mammograms.work"
#: What a row has, measured or not.
_UNKNOWN = dict.fromkeys(
    ("seconds", "repetitions", "memory_mb", "peak_mb", "reckoned_mb", "reason")
)


def main(arguments: list[str]) -> dict:
    """Runs the command.

    Returns:
      {kind, schema, hardware, versions, settings, rows}; of each row what `Row` has, `views` of a
      call, and what `work.main` returns.

    Raises:
      UserError: bad usage, no such device, or a file cannot be written.
    """
    began = time.monotonic()
    options = _parser().parse_args(arguments)
    check(options, {"seconds": 1})
    sizes = [_size(text) for text in options.sizes]
    for flag, folder in (("--data", options.data), ("--run", options.run)):
        if folder is not None and not folder.exists():
            raise UserError(f"{flag} {folder}: does not exist")
    if options.run and not options.data:
        raise UserError("--run: is swept over mammograms; give them with --data")
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # the rows need the GPU's memory
    from benchmarks import hardware
    from benchmarks.mammograms import report
    from jaxcbis.machine.console import say
    from jaxcbis.records.results import write

    platform = hardware.start(options.device)
    results = hardware.header("mammograms", SCHEMA)
    results["hardware"]["precision"] = ", ".join(options.precision)
    results |= {"settings": {"seconds": options.seconds, "sizes": options.sizes}, "rows": []}
    given = {"data": bool(options.data), "run": bool(options.run)}
    for row in rows.plan(options.backbones, options.precision, sizes, **given):
        left = options.seconds - (time.monotonic() - began)
        found = _measure(row, platform, options, left)
        results["rows"].append(row._asdict() | {"views": row.views} | _UNKNOWN | found)
        say(report.line(results["rows"][-1]))
        if options.output:  # what was measured survives a kill
            write(options.output, results)
    report.show(results)
    if options.output:
        say(f"Results: {options.output}")
    return results


def _measure(row: Row, platform: str, options: argparse.Namespace, seconds: float) -> dict:
    """What `work.main` returns, or {'reason'}: no row costs those behind it."""
    if seconds <= 0:
        return {"reason": f"not begun within {options.seconds:g} s"}
    folders = (str(path.resolve()) if path else None for path in (options.data, options.run))
    try:
        return alone.run(_WORK, [platform, *map(json.dumps, (*folders, row))], seconds)
    except RuntimeError as error:
        return {"reason": f"failed: {str(error).strip().splitlines()[-1]}"}


def _size(text: str) -> tuple[int, int]:
    """Height and width of a size as on the command line.

    Raises:
      UserError: it is no size, or one that no run can have.
    """
    if not (found := re.fullmatch(r"(\d+)x(\d+)", text)):
        raise UserError(f"--sizes {text}: expected HEIGHTxWIDTH in pixels, such as {SIZES[0]}")
    height, width = map(int, found.groups())
    try:
        config.resolve({"run": ["-"], "height": height, "width": width})
    except InvalidValueError as error:
        raise UserError(f"--sizes {text}: {str(error).removeprefix('--')}") from error
    return height, width


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="benchmarks mammograms",
        description=__doc__.replace("\n\n", " "),
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add_device(parser)
    add_output(parser)
    add = parser.add_argument
    add("--data", type=Path, metavar="PATH", help="a release, whose mammograms are cut as well")
    add("--run", type=Path, metavar="DIR", help="a finished patch run, swept over them as well")
    add("--backbones", nargs="+", choices=BACKBONES, default=["resnet50"], help="networks")
    add("--sizes", nargs="+", default=list(SIZES), metavar="HEIGHTxWIDTH", help="of a view")
    add("--precision", nargs="+", choices=("float32", "bfloat16"), default=["float32"],
        help="of the convolutions")  # fmt: skip
    add("--seconds", type=float, default=600, metavar="X", help="for all rows")
    return parser
