"""Kills at random moments: what is left is whole, and going on ends where an unbroken run ends.

Only with `--full`: 50 kills at moments of whole commands and 27 within the parts of a run.
"""

import csv
import json
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import cv2
import pytest

from tests import processes
from tests.robustness import struck

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
#: The smaller demo's 69 training patches are three batches, so that one size of them is compiled.
RUN = (
    "train", "--backbone", "tiny", "--weights", "random", "--image-size", 32, "--epochs", 2,
    "--batch-size", 23, "--resume",
)  # fmt: skip
STUDY = (
    "study", "--weights", "random", "--backbones", "tiny", "--strategies", "s2", "--image-size", 32,
    "--epochs", 1,
)  # fmt: skip

#: Words, where the results are in the output folder, and the number of kills.
CASES = {
    "s1": ((*RUN, "--strategy", "s1"), "results.json", 18),
    "s2": ((*RUN, "--strategy", "s2"), "results.json", 12),
    "study": (STUDY, "study.json", 8),
    "prepare": (("prepare",), None, 12),
}

#: A short run in which a stroke at any of struck.PLACES comes soon.
SHORT = (*RUN, "--strategy", "s2", "--epochs", 1, "--batch-size", 64)


@pytest.mark.full
@pytest.mark.parametrize("case", CASES)
def test_kills_lose_nothing(case, tmp_path):
    words, file, kills = CASES[case]
    data, output = tmp_path / "tfds", tmp_path / "output"
    words = (*words, "--data-dir", data, *(("--output", output) if file else ()))
    where = output if file else data

    def start():
        return _start(*words, program=processes.PROGRAM)

    def finish():
        """Lets the command end; returns what it found and forgets that it ever ran."""
        _end(start())
        found = _figures(where, file)
        shutil.rmtree(data)
        shutil.rmtree(output, ignore_errors=True)
        return found

    finish()  # what is compiled now is not compiled again
    began = time.monotonic()
    unbroken = finish()
    duration = time.monotonic() - began

    rng, done, ends = random.Random(f"kills of {case}"), 0, []
    while done < kills:
        wait, how = rng.uniform(0, duration), rng.choice(SIGNALS)
        with start() as process:
            try:
                process.wait(wait)
            except subprocess.TimeoutExpired:
                process.send_signal(how)
            ended = _was_ended(process, how, where)
        if ended:
            done += 1
        else:  # it was faster
            ends.append(finish())
    assert all(found == unbroken for found in (*ends, finish()))


@pytest.fixture(scope="module")
def undisturbed(demo_dir, tmp_path_factory):
    """Seconds that a short run spends in each of PLACES, and what it finds."""
    output = tmp_path_factory.mktemp("undisturbed") / "run"
    spent = [_end(_start_short(demo_dir, output / name)) for name in ("compiling", "compiled")]
    return json.loads(spent[1]), _found(output / "compiled")


@pytest.mark.full
@pytest.mark.parametrize("place", struck.PLACES)
def test_each_signal_within_a_part_of_a_run_loses_nothing(place, undisturbed, demo_dir, tmp_path):
    spent, expected = undisturbed
    rng, output = random.Random(f"kills within {place}"), tmp_path / "run"
    for how in SIGNALS:
        wait = rng.uniform(0, spent[place])
        process = _start_short(demo_dir, output, place, wait, how)
        while not _was_ended(process, how, output):  # it was faster
            assert _found(output) == expected
            shutil.rmtree(output)
            wait /= 2
            process = _start_short(demo_dir, output, place, wait, how)
    _end(_start_short(demo_dir, output))
    assert _found(output) == expected


def _found(output):
    """Figures and predictions of a run, wherever it lies."""
    figures = _figures(output, "results.json")
    del figures[0]["config"]["output"]
    return figures


def _start_short(data, output, place="nowhere", seconds=0.0, number=0):
    program = ("-m", "tests.robustness.struck", place, str(seconds), str(int(number)))
    return _start(*SHORT, "--data-dir", data, "--output", output, program=program)


def _start(*words, program):
    """Starts a command that Ctrl-C ends, even where a shell runs the tests in the background."""
    return subprocess.Popen(
        processes.command(*words, program=program), cwd=processes.ROOT, env=processes.ENVIRONMENT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def _end(process) -> str:
    """Lets a command end well; returns the last line that it printed."""
    said, errors = process.communicate()
    assert process.returncode == 0, errors
    return said.splitlines()[-1]


def _was_ended(process, how: int, folder: Path) -> bool:
    """Whether a signal ended the command; if so, all that it left is whole."""
    errors = process.communicate()[1]
    _require_whole(folder)
    if process.returncode == 0:
        return False
    assert process.returncode in (-how, 130), errors
    assert "Traceback" not in errors
    return True


def _figures(folder: Path, file: str | None):
    """All that must not depend on kills: figures, predictions, or the bytes of a data set."""
    if file is None:
        files = (path for path in sorted(folder.rglob("*")) if path.is_file())
        return {path.relative_to(folder): path.read_bytes() for path in files}
    found = [_without_times(json.loads((folder / file).read_text()))]
    return found + [path.read_bytes() for path in sorted(folder.rglob("predictions.csv"))]


def _without_times(value):
    if isinstance(value, dict):
        skipped = ("timing", "seconds", "train_seconds")
        return {k: _without_times(v) for k, v in value.items() if k not in skipped}
    return [_without_times(item) for item in value] if isinstance(value, list) else value


def _require_whole(folder: Path) -> None:
    """Every file under its own name was written to its end."""
    for path in folder.rglob("*"):
        if path.name.startswith(".") or "checkpoints" in path.parts or not path.is_file():
            continue
        match path.suffix:
            case ".json":
                json.loads(path.read_text())
            case ".png":
                assert cv2.imread(str(path)) is not None, path
            case ".html":
                assert path.read_text().rstrip().endswith("</html>"), path
            case ".csv":
                with path.open(newline="") as rows:
                    assert len({len(row) for row in csv.reader(rows)}) == 1, path
