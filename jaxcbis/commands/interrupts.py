"""Ctrl-C and a scheduler's SIGTERM, which end a command alike."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def heard() -> Iterator[Callable[[], bool]]:
    """Within it both raise KeyboardInterrupt, but where they are ignored, as by nohup.

    Yields:
      Whether one came: a library may make another error of it in the middle of its work.
    """
    came = False

    def interrupt(number: int, frame: object) -> NoReturn:
        nonlocal came
        came = True
        raise KeyboardInterrupt

    before = {
        number: handler
        for number in SIGNALS
        if (handler := signal.getsignal(number)) is not signal.SIG_IGN
    }
    for number in before:
        signal.signal(number, interrupt)
    try:
        yield lambda: came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
