"""How much is said, and who may still hear it."""

import contextlib
import os

import pytest
from rich.table import Table

from jaxcbis.machine import console
from jaxcbis.machine.console import Level, bar, detail, hushed, say, telling, track, warn


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
    coloured = console._Output(highlight=False)
    assert coloured.is_terminal
    monkeypatch.setattr(console, "console", coloured)
    for item in track([1], "items"):
        say(f"item {item}")
    with console.live() as show:
        show(Table("heading"))
    assert capsys.readouterr().out == "item 1\n"


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


def test_a_reader_that_has_gone_is_an_error_and_not_the_end():
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe, contextlib.redirect_stdout(pipe):
        with pytest.raises(BrokenPipeError):
            say("unread")
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, write)  # where the rest may go when the pipe is closed
        os.close(nowhere)
