"""Work side by side, in processes of their own.

Each process is an executor's only one, which brings back what an item raises and notices when it
is gone. The rest an executor does not do: tell how far an item is and which signal ended its
process, end it at work (before Python 3.14), and end it when the parent is killed.
"""

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing import connection
from typing import Any, NamedTuple, TypeVar

from jaxcbis.machine import ended

T = TypeVar("T")
Tell = Callable[[Any], None]
Start = Callable[[int], Callable[[Any, Tell], None]]
#: Processes begin anew: one in which JAX has threads cannot be forked.
_context = multiprocessing.get_context("spawn")
#: In a process of `each`, does the item of a number: an executor's calls find nothing else again.
_do: Callable[[int], None]


class _Worker(NamedTuple):
    """A process: its executor, what it tells, and itself."""

    pool: ProcessPoolExecutor
    tells: Any
    process: Any


def apart(function: Callable[..., T], *arguments: object) -> T:
    """What a function of a module returns or raises in a process that then ends."""
    return next(told for _, told in each([arguments], partial(_caller, function), 1))


def _caller(function: Callable[..., T], _: int) -> Callable[[tuple, Tell], None]:
    return lambda arguments, tell: tell(function(*arguments))


def each(items: Sequence[T], start: Start, processes: int) -> Iterator[tuple[T, Any]]:
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
      Exception: of an item or of `start`, with its traceback as the cause; a RuntimeError of its
        text where it cannot be handed over.
      UserError: something from outside ended a process.
      RuntimeError: a fault ended a process.
    """
    items = list(items)
    waiting = deque(range(len(items)))
    doing: dict[Any, tuple[_Worker, int, Future]] = {}

    def begin(worker: _Worker) -> None:
        index = waiting.popleft()
        doing[worker.tells] = worker, index, worker.pool.submit(_call, index)

    with ExitStack() as started:
        for number in range(min(processes, len(items))):
            begin(started.enter_context(_started(start, items, number)))
        while doing:
            ready: Any
            for ready in connection.wait(list(doing)):
                worker, index, future = doing[ready]
                told = _received(worker, future)
                if told is None:
                    del doing[ready]
                    if waiting:
                        begin(worker)
                yield items[index], told


@contextmanager
def _started(start: Start, items: list, number: int) -> Iterator[_Worker]:
    """A process, which is ended on leaving."""
    others = set(multiprocessing.active_children())
    tells, telling = _context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(1, _context, _begin, (start, items, number, telling))
    process = None
    try:
        with _deaf_to_interrupts():
            pool.submit(os.getpid)
        telling.close()  # so that the pipe ends with the process
        (process,) = set(multiprocessing.active_children()) - others
        yield _Worker(pool, tells, process)
    finally:
        if process:
            process.kill()
        pool.shutdown(cancel_futures=True)
        tells.close()


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """A terminal's Ctrl-C comes to all processes; the parent answers it for those started here."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _received(worker: _Worker, future: Future) -> Any:
    """What the process tells next, or raises; None where it is done with its item."""
    try:
        told = worker.tells.recv()
    except EOFError:
        told = None
    if told is None:
        try:
            future.result()
        except BrokenProcessPool as error:
            worker.pool.shutdown()  # waits until it is known how the process ended
            code = worker.process.exitcode
            again = "give the same command again to go on"
            raise ended.error("the process of a run", code, again) from error
    return told


def _begin(start: Start, items: list, number: int, telling: Any) -> None:
    """Sets up a process. An error here would be lost, so `start` is left to the first item."""
    global _do
    threading.Thread(target=_end_with_parent, daemon=True).start()
    work: Callable[[Any, Tell], None] | None = None

    def do(index: int) -> None:
        nonlocal work
        try:
            work = work or start(number)
            work(items[index], telling.send)
        except Exception as error:
            if not _survives(error):
                raise RuntimeError("".join(traceback.format_exception(error))) from None
            raise
        finally:
            telling.send(None)

    _do = do


def _call(index: int) -> None:
    _do(index)


def _survives(error: Exception) -> bool:
    """Whether an error comes out of a pipe as it was put in."""
    try:
        return type(pickle.loads(pickle.dumps(error))) is type(error)
    except Exception:
        return False


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
