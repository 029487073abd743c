"""What a person sees while a command runs.

How much is said is a value of the context: `telling` sets it for all that is called within it.
Handed down as an argument it would stand in the signature of every function between a command and
the loop that shows a bar.
"""

import errno
import os
import textwrap
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar, copy_context
from datetime import timedelta
from enum import IntEnum
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

T = TypeVar("T")

#: Seconds without a line after which one tells how far a command is, where no bar can be drawn.
SILENCE = 60.0


class Level(IntEnum):
    """How much is said: nothing; only warnings, on stderr; what a run does; and every figure."""

    HUSHED = 0
    QUIET = 1
    NORMAL = 2
    VERBOSE = 3


_level: ContextVar[Level] = ContextVar("level", default=Level.NORMAL)
_bars: ContextVar[Progress | None] = ContextVar("bars", default=None)


class _Read(Console):
    """Leaves it to the command line that nobody reads any more; rich would end the process."""

    def __init__(self, *, stderr: bool = False) -> None:
        # In a notebook rich would make of every line a block of its own.
        super().__init__(highlight=False, force_jupyter=False, stderr=stderr)

    @property
    def is_terminal(self) -> bool:
        """FORCE_COLOR makes no terminal of a file: notebooks' kernels set it, and CI services."""
        try:
            return bool(self.file.isatty())
        except ValueError:  # it is closed
            return False

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


class _Output(_Read):
    """Prints only where no less than the usual is to be said, and knows when it last did."""

    last = time.monotonic()

    def print(self, *objects: Any, **how: Any) -> None:
        if level() >= Level.NORMAL:
            super().print(*objects, **how)
            self.last = time.monotonic()


console = _Output()
_errors = _Read(stderr=True)


def level() -> Level:
    """How much is said."""
    return _level.get()


@contextmanager
def telling(level: Level) -> Iterator[None]:
    """Says so much within it."""
    before = _level.set(level)
    try:
        yield
    finally:
        _level.reset(before)


def hushed() -> AbstractContextManager[None]:
    """Says nothing within it: what many runs would say is told in one table instead."""
    return telling(Level.HUSHED)


def _can_draw() -> bool:
    """Whether what was drawn can be drawn over."""
    return level() >= Level.NORMAL and console.is_terminal and not console.is_dumb_terminal


@contextmanager
def reminding(standing: Callable[[], str]) -> Iterator[None]:
    """Says how far a command is where it has said nothing for SILENCE within it.

    On a terminal, where bars tell, and under --quiet it says nothing. What it says is heard also
    where `hushed` keeps the rest quiet.

    Args:
      standing: how far it is, in one line; '' where there is nothing to say. Another thread asks.
    """
    if level() < Level.NORMAL or _can_draw():
        yield
        return
    over = threading.Event()

    def remind() -> None:
        wait = SILENCE
        with suppress(OSError):  # nobody reads any more; the command will notice
            while not over.wait(wait):
                left = console.last + SILENCE - time.monotonic()
                if left <= 0 and (line := standing()):
                    say(line)
                    left = SILENCE
                wait = left if left > 0 else SILENCE / 10

    thread = threading.Thread(target=copy_context().run, args=(remind,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=1)  # no longer: its line may wait for a reader


@contextmanager
def live() -> Iterator[Callable[[RenderableType], None]]:
    """A function that draws a table in place of the one before; silent without a terminal.

    It is seen also where `hushed` keeps the rest quiet.
    """
    if not _can_draw():
        yield lambda table: None
        return
    with Live(console=_Read(), transient=True, auto_refresh=False) as area:
        yield lambda table: area.update(table, refresh=True)


class Rate(ProgressColumn):
    """Items per second or, where they are slower, seconds per item."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("", style="progress.data.speed")
        text = f"{speed:.1f}/s" if speed >= 1 else f"{1 / speed:.1f} s each"
        return Text(text, style="progress.data.speed")


@contextmanager
def bar() -> Iterator[Progress]:
    """Progress bars that leave nothing behind; a line a minute where the output is no terminal.

    Within another `bar`, the same one: the bars stand below each other.
    """
    if outer := _bars.get():
        yield outer
        return
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not _can_draw(),
    )
    with progress, reminding(lambda: _standing(progress)):
        _bars.set(progress)
        try:
            yield progress
        finally:
            _bars.set(None)


def _standing(progress: Progress) -> str:
    """How far the unfinished ones of some bars are, in one line."""
    told = []
    for task in progress.tasks:
        if not task.finished:
            of = "" if task.total is None else f" of {task.total:.0f}"
            told.append(f"{task.description}: {task.completed:.0f}{of}")
            if task.time_remaining is not None:
                told[-1] += f", {timedelta(seconds=round(task.time_remaining))} left"
    return "; ".join(told)


def track(items: Sequence[T], description: str) -> Iterable[T]:
    """Yields the items and shows how far it is."""
    with bar() as progress:
        task = progress.add_task(description, total=len(items))
        try:
            for item in items:
                yield item
                progress.advance(task)
        finally:
            progress.remove_task(task)


def say(text: str) -> None:
    """Prints a line of plain text; square brackets mean nothing in it."""
    console.print(text, markup=False, soft_wrap=True)


def link(path: Path | str) -> Text:
    """A file's name, which a terminal that knows hyperlinks opens on a click."""
    return Text(str(path), style=f"link {Path(path).absolute().as_uri()}")


def detail(text: str) -> None:
    """Prints a line that only --verbose asks for."""
    if level() == Level.VERBOSE:
        console.print(text, style="dim", markup=False, soft_wrap=True)


def warn(text: str) -> None:
    """Prints a line that must not be overlooked; under --quiet on stderr."""
    where = _errors if level() == Level.QUIET else console
    _print_words(where, f"! {text}", "bold yellow")


def fail(text: str) -> None:
    """Prints on stderr what ended a command."""
    _print_words(_Read(stderr=True), text)


def _print_words(where: Console, text: str, style: str = "") -> None:
    """A terminal breaks the line between words, and leaves a long path whole; a file has one."""
    if where.is_terminal:
        text = textwrap.fill(text, where.width, break_long_words=False, break_on_hyphens=False)
    where.print(Text(text, style), soft_wrap=True)
