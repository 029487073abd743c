"""What a person sees while a command runs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import TypeVar

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

console = Console(highlight=False)
_errors = Console(highlight=False, stderr=True)


class Level(IntEnum):
    """How much is said: nothing; only warnings, on stderr; what a run does; and every figure."""

    HUSHED = 0
    QUIET = 1
    NORMAL = 2
    VERBOSE = 3


_level = Level.NORMAL
_bars: Progress | None = None


def set_level(level: Level) -> None:
    """Says no more than that from now on."""
    global _level
    _level = level
    console.quiet = level < Level.NORMAL


def level() -> Level:
    """How much is said now."""
    return _level


@contextmanager
def live() -> Iterator[Callable[[RenderableType], None]]:
    """A function that draws a table in place of the one before; silent without a terminal.

    It is seen also where `hushed` keeps the rest quiet.
    """
    if not console.is_terminal or console.quiet:
        yield lambda table: None
        return
    with Live(console=Console(highlight=False), transient=True, auto_refresh=False) as area:
        yield lambda table: area.update(table, refresh=True)


@contextmanager
def hushed() -> Iterator[None]:
    """Nothing below is printed: what many runs would say is told in one table instead."""
    before = _level
    set_level(Level.HUSHED)
    try:
        yield
    finally:
        set_level(before)


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
    global _bars
    if _bars is not None:
        yield _bars
        return
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal or console.quiet,
    )
    with progress:
        _bars = progress
        try:
            yield progress
        finally:
            _bars = None


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
    if _level == Level.VERBOSE:
        console.print(text, style="dim", markup=False, soft_wrap=True)


def warn(text: str) -> None:
    """Prints a line that must not be overlooked; under --quiet on stderr."""
    where = _errors if _level == Level.QUIET else console
    where.print(f"! {text}", style="bold yellow", markup=False, soft_wrap=True)
