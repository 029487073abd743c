"""A process watched by its parent, where a library may end it without a word of ours.

JAX ends a process that has lost its peers from a thread of its own, with a page of its inner state
on the screen. The parent says one line instead.
"""

import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

from jaxcbis.errors import UserError
from jaxcbis.machine import ended, hosts


def go_on_in_child() -> None:
    """Goes on in a child process, while this one waits, and ends as the child does.

    What libraries write to the screen past Python goes to a file, which is kept and named if it
    may tell why the child ended. Must come before threads are started.

    Raises:
      UserError: in the parent: another host was lost, or something from outside ended the child.
      RuntimeError: in the parent: a fault in the child ended it.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    alive, held_by_parent = os.pipe()
    chatter, path = tempfile.mkstemp(prefix="jaxcbis-", suffix=".log")
    child = os.fork()
    if not child:
        os.setpgid(0, 0)  # a terminal's Ctrl-C comes once, by way of the parent
        os.close(held_by_parent)
        threading.Thread(target=_end_with_parent, args=(alive,), daemon=True).start()
        _keep_off_the_screen(chatter)
        return
    os.close(alive)
    os.close(chatter)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(child, number))
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        raise _error(code, Path(path))
    os.unlink(path)
    os._exit(code)


def _error(code: int, log: Path) -> Exception:
    """The error to raise for a child that a signal ended; without its log if that is of no use."""
    if code == -signal.SIGABRT and hosts.tells_of_a_lost_host(log.read_text(errors="replace")):
        return UserError(f"{hosts.LOST} (what JAX said: {log})")
    if not ended.by_itself(code):
        log.unlink()
    again = "start all hosts again with --resume"
    return ended.error("this host's part of the run", code, again, str(log))


def _end_with_parent(alive: int) -> None:
    os.read(alive, 1)  # returns when the parent is gone, however it went
    os._exit(1)


def _keep_off_the_screen(file: int) -> None:
    """Leaves the screen to Python's streams, and the process's own to a file."""
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        screen = os.fdopen(
            os.dup(number), "w", encoding=stream.encoding, errors=stream.errors, buffering=1
        )
        setattr(sys, name, screen)
        os.dup2(file, number)
