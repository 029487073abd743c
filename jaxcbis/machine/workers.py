"""Work side by side, in processes of their own."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing import connection
from typing import Any, TypeVar

from jaxcbis.errors import UserError

T = TypeVar("T")
Tell = Callable[[Any], None]
#: Processes begin anew: one in which JAX has threads cannot be forked.
_context = multiprocessing.get_context("spawn")


def apart(function: Callable[..., T], *arguments: object) -> T:
    """What a function of a module returns or raises in a process that then ends."""
    return next(told for _, told in each([arguments], partial(_caller, function), 1))


def _caller(function: Callable[..., T], _: int) -> Callable[[tuple, Tell], None]:
    return lambda arguments, tell: tell(function(*arguments))


def each(
    items: Sequence[T], start: Callable[[int], Callable[[T, Tell], None]], processes: int
) -> Iterator[tuple[T, Any]]:
    """Does the items in their order, the next one wherever one is done.

    The processes end with the iterator, however it ends, and with this process.

    Args:
      items: to do.
      start: of a module; called once in each process with its number, returns work(item, tell),
        which does an item and may `tell` how far it is.
      processes: at most so many.

    Yields:
      (item, what was told), and (item, None) once it is done.

    Raises:
      UserError: of an item, or a process was ended from outside. All end then.
    """
    waiting = deque(items)
    started: dict[Any, multiprocessing.process.BaseProcess] = {}
    doing: dict[Any, T] = {}
    try:
        for number in range(min(processes, len(items))):
            pipe, other_end = _context.Pipe()
            started[pipe] = _context.Process(
                target=_serve, args=(other_end, start, number), daemon=True
            )
            _start_deaf_to_interrupts(started[pipe])
            other_end.close()
            doing[pipe] = waiting.popleft()
            pipe.send(doing[pipe])
        while doing:
            ready: Any
            for ready in connection.wait(list(doing)):
                told = _receive(ready, started[ready])
                item = doing[ready]
                if told is None:
                    del doing[ready]
                    if waiting:
                        doing[ready] = waiting.popleft()
                        ready.send(doing[ready])
                yield item, told
    finally:
        for process in started.values():
            process.kill()
            process.join()


def _start_deaf_to_interrupts(process: Any) -> None:
    """A terminal's Ctrl-C comes to all processes; the parent answers it for all."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, before)


def _receive(pipe: Any, process: multiprocessing.process.BaseProcess) -> Any:
    try:
        told = pipe.recv()
    except (EOFError, ConnectionError) as error:
        process.join()
        raise UserError(
            f"the process of a run was ended from outside (exit code {process.exitcode}); look for "
            "what ended it, such as a limit on memory, and give the same command again to go on"
        ) from error
    if isinstance(told, Exception):
        raise told
    return told


def _serve(pipe: Any, start: Callable[[int], Callable[[Any, Tell], None]], number: int) -> None:
    """Does what comes through the pipe until nothing more does."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        work = start(number)
        while True:
            work(pipe.recv(), pipe.send)
            pipe.send(None)
    except Exception as error:
        pipe.send(error)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
