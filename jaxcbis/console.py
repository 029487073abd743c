"""What a person sees while a command runs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

T = TypeVar("T")

console = Console(highlight=False)


def bar() -> Progress:
    """A progress bar that leaves nothing behind; silent where the output is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def track(items: Sequence[T], description: str) -> Iterable[T]:
    """Yields the items and shows how far it is."""
    with bar() as progress:
        yield from progress.track(items, description=description)


@contextmanager
def live() -> Iterator[Callable[[RenderableType], None]]:
    """A function that draws a table in place of the one before; silent without a terminal.

    It is seen also where `hushed` keeps the rest quiet.
    """
    if not console.is_terminal:
        yield lambda table: None
        return
    with Live(console=Console(highlight=False), transient=True, auto_refresh=False) as area:
        yield lambda table: area.update(table, refresh=True)


@contextmanager
def hushed() -> Iterator[None]:
    """Nothing below is printed: what many runs would say is told in one table instead."""
    before, console.quiet = console.quiet, True
    try:
        yield
    finally:
        console.quiet = before


def say(text: str) -> None:
    """Prints a line of plain text; square brackets mean nothing in it."""
    console.print(text, markup=False, soft_wrap=True)


def warn(text: str) -> None:
    """Prints a line that must not be overlooked."""
    console.print(f"! {text}", style="bold yellow", markup=False, soft_wrap=True)
