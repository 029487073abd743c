"""Commands one after another within a time: each has a limit of its own, and none stops the next.

What became of each, and its last line, is in summary.json and summary.txt as soon as it has ended.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks import ROOT
from jaxcbis.errors import UserError
from jaxcbis.machine import files
from jaxcbis.machine.console import say
from jaxcbis.records.results import write

SCHEMA = 1
#: Seconds without which no step begins, and which one gets to end by itself at its limit.
_LEAST, _GRACE = 10, 5


class Step(NamedTuple):
    """A command of a session.

    Attributes:
      name: also of its log.
      words: the command, given its limit in seconds.
      share: of the time that is left, beside the shares of the steps behind it.
      least: seconds that it gets at least, if so many are left.
      keep: takes the seconds that it took, whatever became of it, and puts away what it left.
      files: that hold its results; those of an earlier session go as it begins.
    """

    name: str
    words: Callable[[float], Sequence[str]]
    share: float
    least: float
    keep: Callable[[float], None] = lambda seconds: None
    files: tuple[Path, ...] = ()


def run(
    steps: Sequence[Step], folder: Path, seconds: float, environment: dict[str, str], notes: list
) -> list[dict]:
    """Does all steps for which there is time.

    Args:
      steps: in order.
      folder: gets the summary, and a log of each step in `logs`.
      seconds: for all of them.
      environment: of the commands.
      notes: what else the summary is to say.

    Returns:
      Of each step {'step', 'state', 'seconds', 'limit', 'last_line'}; the state is 'done',
      'failed', also where its results cannot be kept, 'killed' at its limit, or 'skipped' for want
      of time.

    Raises:
      UserError: a file cannot be written.
    """
    records: list[dict] = []
    end = time.monotonic() + seconds
    (folder / "logs").mkdir(exist_ok=True)
    for number, step in enumerate(steps):
        left = end - time.monotonic()
        if left < _LEAST:
            record = {"state": "skipped", "seconds": 0.0, "limit": 0.0, "last_line": ""}
        else:
            portion = left * step.share / sum(each.share for each in steps[number:])
            limit = min(left, max(portion, step.least))
            record = _do(step, limit, folder / "logs" / f"{step.name}.log", environment)
        records.append({"step": step.name} | record)
        say(line(records[-1]))
        _write(folder, records, notes)
    return records


def _do(step: Step, limit: float, log: Path, environment: dict[str, str]) -> dict:
    began = time.monotonic()
    for file in step.files:
        file.unlink(missing_ok=True)
    with log.open("wb") as out:
        process = None
        try:
            with _signals_held():
                process = subprocess.Popen(
                    step.words(limit), cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                    stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
            state = "failed" if process.wait(limit) else "done"
        except subprocess.TimeoutExpired:
            state = "killed"
        finally:
            if process is not None:
                _end(process)
    seconds = time.monotonic() - began
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = lines[-1].strip() if lines else ""
    try:
        step.keep(seconds)
    except Exception as error:  # whatever it is, the next step goes on
        reason = str(error) if isinstance(error, UserError) else repr(error)
        state, last = "failed", f"its results cannot be kept: {reason}"
    return {"state": state, "seconds": seconds, "limit": limit, "last_line": last}


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Requests to end come when it is over: a command half started would be left to itself."""
    came: list[int] = []
    before = {
        number: signal.signal(number, lambda number, frame: came.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for late in came:
            signal.raise_signal(late)


def _end(process: subprocess.Popen) -> None:
    """Ends a command with all that it has started; what is left of it would hold the GPU."""
    try:
        if process.poll() is None:
            _signal(process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
    finally:  # also when a second signal cuts the grace short
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # none of its group is left
        os.killpg(process.pid, number)


def line(record: dict) -> str:
    """What became of a step, for people."""
    took = f"{record['seconds']:.0f} of {record['limit']:.0f} s"
    return f"{record['step']:<26} {record['state']:<8} {took:>13}  {record['last_line']}".rstrip()


def _write(folder: Path, records: list[dict], notes: list) -> None:
    write(
        folder / "summary.json",
        {"kind": "summary", "schema": SCHEMA, "steps": records, "notes": notes},
    )
    lines = [*map(line, records), *(f"Note: {note}" for note in notes)]
    files.write(folder / "summary.txt", "\n".join(lines) + "\n")
