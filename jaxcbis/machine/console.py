"""What a person sees while a command runs.

How much is said is a value of the context: `telling` sets it for all that is called within it.
Handed down as an argument it would stand in the signature of every function between a command and
the loop that shows a bar.
"""

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from enum import IntEnum
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

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


class _Output(_Read):
    """Prints only where no less than the usual is to be said."""

    def print(self, *objects: Any, **how: Any) -> None:
        if level() >= Level.NORMAL:
            super().print(*objects, **how)


# In a notebook rich would make of every line a block of its own.
console = _Output(highlight=False, force_jupyter=False)
_errors = _Read(highlight=False, force_jupyter=False, stderr=True)


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
    """Whether what was drawn can be drawn over: FORCE_COLOR makes no screen of a file.

    Notebooks' kernels set it, and so do services that run checks.
    """
    return level() >= Level.NORMAL and console.is_terminal and console.file.isatty()


@contextmanager
def live() -> Iterator[Callable[[RenderableType], None]]:
    """A function that draws a table in place of the one before; silent without a terminal.

    It is seen also where `hushed` keeps the rest quiet.
    """
    if not _can_draw():
        yield lambda table: None
        return
    with Live(console=_Read(highlight=False), transient=True, auto_refresh=False) as area:
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
    """Progress bars that leave nothing behind; silent where the output is no terminal.

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
    with progress:
        _bars.set(progress)
        try:
            yield progress
        finally:
            _bars.set(None)


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


def detail(text: str) -> None:
    """Prints a line that only --verbose asks for."""
    if level() == Level.VERBOSE:
        console.print(text, style="dim", markup=False, soft_wrap=True)


def warn(text: str) -> None:
    """Prints a line that must not be overlooked; under --quiet on stderr."""
    where = _errors if level() == Level.QUIET else console
    where.print(f"! {text}", style="bold yellow", markup=False, soft_wrap=True)
