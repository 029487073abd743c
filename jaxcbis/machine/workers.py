"""Work side by side, in processes of their own.

Why not by an executor of concurrent.futures: it does not tell how far an item is; before Python
3.14 it ends no process that is at work; its processes outlive a parent that is killed; it does not
say which signal ended one; and where a signal ends the program, its queues leave semaphores, which
Python then complains of on the screen. What is left of it is a loop, which is here.
"""

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing import connection
from typing import Any, TypeVar

from jaxcbis.machine import ended

T = TypeVar("T")
Tell = Callable[[Any], None]
Work = Callable[[T, Tell], None]
#: Processes begin anew: one in which JAX has threads cannot be forked.
_context = multiprocessing.get_context("spawn")


def apart(function: Callable[..., T], *arguments: object) -> T:
    """What a function of a module returns or raises in a process that then ends."""
    return next(told for _, told in each([arguments], partial(_caller, function), 1))


def _caller(function: Callable[..., T], _: int) -> Work[tuple]:
    return lambda arguments, tell: tell(function(*arguments))


def each(
    items: Sequence[T], start: Callable[[int], Work[T]], processes: int
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
      Exception: of `start` or an item, with a note of where; as a RuntimeError of the same text if
        it cannot be handed over.
      UserError: something from outside ended a process.
      RuntimeError: a fault ended a process.
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
            _send(pipe, started[pipe], doing[pipe])
        while doing:
            ready: Any
            for ready in connection.wait(list(doing)):
                told = _receive(ready, started[ready])
                item = doing[ready]
                if told is None:
                    del doing[ready]
                    if waiting:
                        doing[ready] = waiting.popleft()
                        _send(ready, started[ready], doing[ready])
                yield item, told
    finally:
        for pipe, process in started.items():
            if process.pid is not None:
                process.kill()
                process.join()
            pipe.close()


def _start_deaf_to_interrupts(process: Any) -> None:
    """A terminal's Ctrl-C comes to all processes; the parent answers it for all."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, before)


def _send(pipe: Any, process: multiprocessing.process.BaseProcess, item: object) -> None:
    try:
        pipe.send(item)
    except ConnectionError as error:
        raise _ended(process) from error


def _ended(process: multiprocessing.process.BaseProcess) -> Exception:
    process.join()
    again = "give the same command again to go on"
    return ended.error("the process of a run", process.exitcode or 0, again)


def _receive(pipe: Any, process: multiprocessing.process.BaseProcess) -> Any:
    try:
        told = pipe.recv()
    except (EOFError, ConnectionError) as error:
        raise _ended(process) from error
    if isinstance(told, Exception):
        raise told
    return told


def _serve(pipe: Any, start: Callable[[int], Work], number: int) -> None:
    """Does what comes through the pipe until nothing more does."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        work = start(number)
        while True:
            work(pipe.recv(), pipe.send)
            pipe.send(None)
    except Exception as error:
        pipe.send(_portable(error))


def _portable(error: Exception) -> Exception:
    """An error that comes out of a pipe as it was put in, and tells where it was raised."""
    told = "".join(traceback.format_exception(error))
    error.add_note(told)
    try:
        if type(pickle.loads(pickle.dumps(error))) is type(error):
            return error
    except Exception:  # whatever an error's own class does
        pass
    return RuntimeError(told)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
