"""What is said of a process that ended without a word of its own."""

import signal

from jaxcbis.errors import UserError

#: A process gets these by what it does itself: a library has a fault, or gives up.
_OWN = {
    signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGSYS,
    signal.SIGTRAP,
}  # fmt: skip


def by_itself(code: int) -> bool:
    """Whether a process ended by its own doing, as a library's fault ends it.

    Args:
      code: its exit code, below 0 for a signal's number.
    """
    return code >= 0 or -code in _OWN


def error(what: str, code: int, again: str, log: str = "") -> Exception:
    """The error to raise for a process that ended.

    Args:
      what: it was.
      code: its exit code, below 0 for a signal's number.
      again: what to do when the cause is gone.
      log: where to read what its libraries said.

    Returns:
      A UserError where something from outside ended it, a RuntimeError where it did so itself.
    """
    how = f"exit code {code}" if code >= 0 else _name(-code)
    if by_itself(code):
        seen = f"; what it said: {log}" if log else ""
        return RuntimeError(f"{what} was ended by a fault of its own or a library's ({how}){seen}")
    cause = "what sent it"
    if code == -signal.SIGKILL:
        cause = "what sent it, such as a limit on memory"
    return UserError(f"{what} was ended from outside ({how}); look for {cause}, and {again}")


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
