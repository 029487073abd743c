"""A demo run as a person sees it in a terminal."""

import json
import os
import pty
import re
import struct
import subprocess
import termios
from fcntl import ioctl

import numpy as np
import pyte
import pytest

import tests.tiny  # noqa: F401 - registers its backbones
from jaxcbis.commands.main import main
from jaxcbis.data import exported, patches
from jaxcbis.training import epoch_lines
from tests import processes
from tests.report import made_run

COLUMNS = 80


def options(folder) -> list[str]:
    return [
        "--data", str(folder / "patches.npz"), "--output", str(folder / "run"),
        "--backbone", "tiny", "--strategy", "s2", "--weights", "random", "--image-size", "32",
        "--batch-size", "6", "--epochs", "3", "--head-lr", "1e-3", "--backbone-lr", "1e-3",
    ]  # fmt: skip


def in_terminal(words) -> tuple[int, bytes]:
    """Runs a command in a terminal of 80 columns; returns its exit code and what it wrote."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    environment = processes.ENVIRONMENT | {"TERM": "xterm-256color"}
    for name in ("COLUMNS", "NO_COLOR", "CI"):
        environment.pop(name, None)
    with subprocess.Popen(
        words, cwd=processes.ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        written = b""
        try:
            while part := os.read(ours, 65536):
                written += part
        except OSError:  # the other end is closed
            pass
    os.close(ours)
    return process.returncode, written


def screen(written: bytes) -> list[str]:
    """The lines that are left in a terminal, from its first to its last."""
    terminal = pyte.HistoryScreen(COLUMNS, 400)
    pyte.ByteStream(terminal).feed(written)
    return [line.rstrip() for line in terminal.display]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder of a finished run, and what it wrote to its terminal."""
    folder = tmp_path_factory.mktemp("demo")
    made = made_run.make_patches(np.random.default_rng(0), 90, 32)
    splits = np.repeat(("train", "validation", "test"), (36, 14, 40))
    parts = {name: made.select(splits == name) for name in patches.SPLITS}
    dataset = patches.Dataset(parts, "demo", "demo data (synthetic phantoms)", [])
    exported.save(folder / "patches.npz", dataset, "paper")
    code, written = in_terminal(processes.command("train", *options(folder)))
    assert code == 0, written.decode()
    return folder / "run", written


def history(run):
    return json.loads((run / "results.json").read_text())["history"]


def test_first_lines_say_what_will_run(demo):
    run, written = demo
    lines = screen(written)
    first = "\n".join(lines[: lines.index(epoch_lines.HEAD)])
    for expected in (
        "tiny, strategy s2, protocol paper, seed 0", "cpu", "DEMO DATA", "random (random)",
        "36 train, 14 validation, 40 test patches at 32 pixels", "Phases   all",
        "at most 3 epochs",
    ):  # fmt: skip
        assert expected in first
    assert str(run) in first.replace("\n", "")


def test_a_line_per_epoch_stays(demo):
    run, written = demo
    shown = screen(written)
    head = shown.index(epoch_lines.HEAD)
    lines = [line.split() for line in shown[head + 1 :] if re.match(r"\w+ +\d+ ", line)]
    rows = history(run)
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        assert line[:2] == [row["phase"], str(row["epoch"])]
        assert line[4:6] == [f"{row['val_loss']:.4f}", f"{row['val_accuracy']:.3f}"]
        if row["epoch"]:
            assert line[2:4] == [f"{row['train_loss']:.4f}", f"{row['train_accuracy']:.3f}"]
        before = [r["val_loss"] for r in rows if r["phase"] == row["phase"]][: row["epoch"] + 1]
        assert line[6] == f"{min(before):.4f}"


def test_bars_are_drawn_and_leave_nothing_behind(demo):
    _, written = demo
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode())
    for name in ("frozen stages", "all", "Grad-CAM"):
        assert re.search(rf"{name}[ \w]* +[━╸╺]+ +\d+/\d+", text), name
    assert re.search(r"\d+/\d+ +(\d+\.\d/s|\d+\.\d s each) +\d:\d\d:\d\d", text)
    assert not any("━" in line for line in screen(written))
    assert written.rindex(b"\x1b[?25h") > written.rindex(b"\x1b[?25l")  # the cursor is back


def test_the_last_lines_answer(demo):
    _, written = demo
    lines = [line for line in screen(written) if line]
    heads = [k for k, line in enumerate(lines) if line.startswith("tiny s2, paper protocol: 40 ")]
    last = lines[heads[-1] + 1 :]
    assert last[0].startswith("! DEMO DATA")
    assert last[1].startswith("! RANDOM WEIGHTS")
    assert [line.split()[0] for line in last[2:6]] == ["Accuracy", "Blind", "Maps", "Report"]
    assert any(line.startswith("Tables   jaxcbis show /") for line in last[6:])  # paths are long


def test_the_report_is_a_link(demo):
    run, written = demo
    file = run / "report.html"
    assert f";{file.as_uri()}\x1b\\{file}\x1b]8;;\x1b\\".encode() in written


def test_everything_fits_80_columns(demo):
    _, written = demo
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode())
    for line in re.split(r"[\r\n]+", text):
        if "/" not in line.replace("s/", "") or "━" in line:  # a path may be longer
            assert len(line.rstrip()) <= COLUMNS or line.startswith("!"), line


def test_its_report_is_whole(demo, open_report):
    run, _ = demo
    page = open_report(run / "report.html")
    assert "DEMO DATA" in page.locator("h1").inner_text()
    assert page.locator("img.drawing").count() == 5
    assert page.locator(".cards li").count() == 40


def test_quiet_verbose_and_plain(demo, capfd):
    run, _ = demo
    words = ["train", *options(run.parent), "--resume"]
    assert main([*words, "--quiet"]) == 0
    assert capfd.readouterr().out == ""
    assert main(words) == 0
    answered = capfd.readouterr().out
    assert "Accuracy " in answered
    assert f"Report   {run / 'report.html'}\n" in answered
    assert "accuracy (95 % interval)" not in answered
    assert main([*words, "--verbose"]) == 0
    plain = capfd.readouterr().out
    assert "accuracy (95 % interval)" in plain
    for text in (answered, plain):
        assert "\x1b" not in text
        assert "\r" not in text
