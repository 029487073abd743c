"""python -m benchmarks preparing: memory and seconds of preparing a release that grows.

Prepares copies of a Kaggle release, by the program's own command in threads and on Apache Beam's
local runner in two processes, and watches the most memory that each of their processes takes.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import hardware
from benchmarks.arguments import check
from jaxcbis.commands.words import Parser
from jaxcbis.errors import UserError
from jaxcbis.records.results import write

SCHEMA = 1
#: Seconds between two looks at the processes.
_PAUSE = 0.02
_BEAM = ("--beam", "--direct_num_workers=2", "--direct_running_mode=multi_processing")


def main(arguments: list[str]) -> None:
    """Prints a table in Markdown, and writes it as JSON if asked.

    Raises:
      UserError: bad usage, or the release cannot be prepared.
    """
    options = _parser().parse_args(arguments)
    check(options, {"copies": 1})
    found = []
    for copies in options.copies:
        with tempfile.TemporaryDirectory() as folder:
            release = Path(folder) / "release"
            mammograms = copy(options.data, release, copies)
            for name, words in (("threads", ()), ("beam", _BEAM)):
                row = {"mammograms": mammograms, "with": name}
                found.append(row | _measure(release, Path(folder) / name, words))
                print(json.dumps(found[-1]))
    print(
        "\n| mammograms | with | seconds | host, MiB | largest worker, MiB |\n|---|---|---|---|---|"
    )
    for row in found:
        worker = f"{row['worker_mib']:.0f}" if row["worker_mib"] else ""
        print(
            f"| {row['mammograms']} | {row['with']} | {row['seconds']:.1f} | {row['host_mib']:.0f} "
            f"| {worker} |"
        )
    if options.output:
        write(options.output, hardware.header("preparing", SCHEMA) | {"rows": found})


def copy(release: Path, target: Path, copies: int) -> int:
    """Lays out a release that has every patient several times, by links to the same images.

    Args:
      release: unpacked folder of a Kaggle release.
      target: folder to make.
      copies: of every patient; each has a name and series of its own.

    Returns:
      How many mammograms it has.

    Raises:
      UserError: it is no such folder.
    """
    tables = sorted(release.glob("csv/*_case_description_*.csv"))
    if not tables or not (release / "jpeg").is_dir():
        raise UserError(f"--data {release}: expected a folder with csv/ and jpeg/ of the release")
    for name in ("csv", "jpeg"):
        (target / name).mkdir(parents=True)
    series = [folder.resolve() for folder in (release / "jpeg").iterdir()]
    mammograms: set[str] = set()
    for table in tables:
        header, body = table.read_text(encoding="utf-8").split("\n", 1)
        bodies = []
        for number in range(copies):
            renamed = re.sub(r"\bP_|(?<=_)P_", f"P_{number}", body)
            bodies.append(re.sub(r"[\d.]{20,}", rf"\g<0>.{number}", renamed))
            mammograms.update(re.findall(r"_P_\d+_(?:LEFT|RIGHT)_(?:CC|MLO)(?=/)", bodies[-1]))
        (target / "csv" / table.name).write_text("\n".join([header, "".join(bodies)]))
    for folder in series:
        for number in range(copies):
            (target / "jpeg" / f"{folder.name}.{number}").symlink_to(folder)
    return len(mammograms)


def _measure(release: Path, data_dir: Path, words: tuple[str, ...]) -> dict[str, float]:
    command = (sys.executable, "-m", "jaxcbis", "prepare", "--quiet", "--data", str(release))
    began = time.perf_counter()
    with subprocess.Popen([*command, "--data-dir", str(data_dir), *words]) as process:
        peaks: dict[int, float] = {}
        while process.poll() is None:
            for number in (process.pid, *_descendants(process.pid)):
                peaks[number] = max(peaks.get(number, 0), _peak_mib(number))
            time.sleep(_PAUSE)
    if process.returncode:
        raise UserError(f"{' '.join(command)}: failed; see above")
    host = peaks.pop(process.pid)
    return {
        "seconds": time.perf_counter() - began,
        "host_mib": host,
        "worker_mib": max(peaks.values(), default=0.0),
    }


def _descendants(number: int) -> list[int]:
    """Processes that a process has started, and those that they have."""
    found = []
    for path in Path(f"/proc/{number}/task").glob("*/children"):
        try:
            children = [int(child) for child in path.read_text().split()]
        except OSError:  # it has ended meanwhile
            continue
        for child in children:
            found += [child, *_descendants(child)]
    return found


def _peak_mib(number: int) -> float:
    """The most memory that a process has had; 0 where it has ended."""
    try:
        status = Path(f"/proc/{number}/status").read_text()
    except OSError:
        return 0.0
    peak = re.search(r"VmHWM:\s+(\d+)", status)
    return int(peak[1]) / 2**10 if peak else 0.0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="benchmarks preparing",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="unpacked Kaggle release")
    add("--copies", type=int, nargs="+", default=[1, 4, 16], metavar="N", help="of every patient")
    add("--output", type=Path, metavar="FILE.json", help="also write the results")
    return parser
