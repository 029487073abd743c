"""How much is said, and who may still hear it."""

import contextlib
import os
import re
import time

import pytest
from rich.table import Table

from jaxcbis.machine import console
from jaxcbis.machine.console import (
    Level,
    bar,
    detail,
    fail,
    hushed,
    reminding,
    say,
    telling,
    track,
    warn,
)


def everything():
    say("a line [of text]")
    detail("a figure")
    warn("a warning")
    table = Table("heading")
    table.add_row("a table")
    console.console.print(table)


@pytest.mark.parametrize(
    ("level", "out", "err"),
    [
        (Level.VERBOSE, ["a line [of text]", "a figure", "! a warning", "a table"], []),
        (Level.NORMAL, ["a line [of text]", "! a warning", "a table"], []),
        (Level.QUIET, [], ["! a warning"]),
        (Level.HUSHED, [], []),
    ],
)
def test_each_level_says_its_own(level, out, err, capsys):
    with telling(level):
        everything()
    said = capsys.readouterr()
    for text in ("a line [of text]", "a figure", "! a warning", "a table"):
        assert (text in said.out, text in said.err) == (text in out, text in err)


def test_what_was_said_before_is_said_again_after(capsys):
    with telling(Level.VERBOSE):
        with hushed(), contextlib.suppress(ZeroDivisionError):
            say("unheard")
            _ = 1 / 0
        detail("heard")
    assert console.level() == Level.NORMAL
    assert capsys.readouterr().out == "heard\n"


def test_nothing_is_drawn_in_a_file_that_is_to_have_colours(monkeypatch, capsys):
    """As notebooks ask for."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(console, "console", console._Output())
    for item in track([1], "items"):
        say(f"item {item}")
    warn("seen")
    with console.live() as show:
        show(Table("heading"))
    assert capsys.readouterr().out == "item 1\n! seen\n"


def test_a_terminal_breaks_warnings_and_errors_between_words(monkeypatch, capsys):
    monkeypatch.setattr(console._Read, "is_terminal", True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(console, "console", console._Output())
    path = "/a/long/path" * 8
    for tell in (warn, fail):
        text = f"RANDOM WEIGHTS: no network to fetch them [offline]; give --weights FILE, {path}"
        tell(text)
        said = capsys.readouterr()
        lines = re.sub(r"\x1b\[[\d;]*m", "", said.out + said.err).splitlines()
        assert len(lines) == 2
        assert path in [line.strip() for line in lines]
        assert " ".join(line.strip() for line in lines).endswith(text)
        assert all(len(line) <= 80 for line in lines if path not in line)


def test_bars_stand_below_each_other():
    with bar() as outer, bar() as inner:
        assert inner is outer
    with bar() as next_one:
        assert next_one is not outer


def test_a_loop_that_fails_under_its_bar_leaves_the_level_alone():
    """Its bar is only closed when the error is forgotten, after what follows has begun."""

    def fail():
        for _ in track([1, 2], "items"):
            raise ZeroDivisionError

    with telling(Level.VERBOSE):
        try:
            with hushed():
                fail()
        except ZeroDivisionError:
            assert console.level() == Level.VERBOSE
        with bar() as free:
            assert free is not None
        assert console.level() == Level.VERBOSE


def test_off_a_terminal_a_line_tells_how_far_it_is(monkeypatch, capsys):
    """Where nothing was said for a while; with neither carriage returns nor colours."""
    monkeypatch.setattr(console, "SILENCE", 0.02)
    with bar() as bars:
        epochs = bars.add_task("head", total=5)
        bars.update(epochs, completed=2)
        for item in track(range(4), "head epoch 3"):
            if item == 3:
                time.sleep(0.1)
    with telling(Level.QUIET), bar():
        time.sleep(0.05)
    said = capsys.readouterr()
    assert said.err == ""
    lines = said.out.splitlines()
    assert re.fullmatch(
        r"head: 2 of 5(, [\d:]+ left)?; head epoch 3: 3 of 4(, [\d:]+ left)?", lines[0]
    )
    assert 1 <= len(lines) <= 6
    assert not set(said.out) & {"\r", "\x1b"}


def test_a_reminder_waits_for_a_silence(monkeypatch, capsys):
    monkeypatch.setattr(console, "SILENCE", 0.2)
    with reminding(lambda: "reminded"):
        for _ in range(6):
            say("said")
            time.sleep(0.05)
    assert set(capsys.readouterr().out.split()) == {"said"}


def test_a_reminder_is_heard_where_the_rest_is_hushed(monkeypatch, capsys):
    monkeypatch.setattr(console, "SILENCE", 0.01)
    with reminding(lambda: "2 of 24 runs done"), hushed():
        say("unheard")
        time.sleep(0.05)
    assert set(capsys.readouterr().out.splitlines()) == {"2 of 24 runs done"}


def test_a_reader_that_has_gone_is_an_error_and_not_the_end():
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe, contextlib.redirect_stdout(pipe):
        with pytest.raises(BrokenPipeError):
            say("unread")
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, write)  # where the rest may go when the pipe is closed
        os.close(nowhere)


def test_a_reminder_that_nobody_reads_ends_nothing(monkeypatch):
    monkeypatch.setattr(console, "SILENCE", 0.01)
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe, contextlib.redirect_stdout(pipe):
        with reminding(lambda: "unread"):
            time.sleep(0.05)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, write)
        os.close(nowhere)
