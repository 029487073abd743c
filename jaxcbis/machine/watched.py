"""A process watched by its parent, where a library may end it without a word of ours.

JAX ends a process that has lost its peers from a thread of its own, with a page of its inner state
on the screen. The parent says one line instead.
"""

import os
import signal
import sys
import tempfile
import threading

from jaxcbis.errors import UserError


def go_on_in_child(lost: str) -> None:
    """Goes on in a child process, while this one waits, and ends as the child does.

    What libraries write to the screen past Python goes to a file, which the parent names if it is
    of use. Must come before threads are started.

    Args:
      lost: what to say of a child that was aborted.

    Raises:
      UserError: in the parent: a signal ended the child.
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
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(child, number))
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGABRT:
        raise UserError(f"{lost} (what JAX said: {path})")
    os.unlink(path)
    if code < 0:
        raise UserError(
            f"ended by signal {-code}; look for what sent it, such as a limit on memory, and start "
            "all hosts again with --resume"
        )
    os._exit(code)


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
