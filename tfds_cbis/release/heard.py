"""What libraries warn of while a file is read: kept for its reader, and off the screen."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar

import cv2

from tfds_cbis.errors import shorten

# Python's filters are the process's, so that of several threads the first one in sets them and the
# last one out puts them back; each keeps its own list.
_lock = threading.Lock()
_inside = 0
_filters = ExitStack()
_set_opencv = cv2.utils.logging.setLogLevel
_list: ContextVar[list[str] | None] = ContextVar("heard", default=None)
#: Says some things in its log, and not as warnings.
_pydicom = logging.getLogger("pydicom")


class _Log(logging.Handler):
    """Keeps what is logged while a file is read; what comes beside goes its usual way."""

    def emit(self, record: logging.LogRecord) -> None:
        if not _kept(record.getMessage()) and _pydicom.parent:
            _pydicom.parent.handle(record)


def _kept(message: object) -> bool:
    """Adds a line to the list of this thread, once; False where it reads no file."""
    found = _list.get()
    if found is None:
        return False
    line = shorten(" ".join(str(message).split()))
    if line not in found:
        found.append(line)
    return True


@contextmanager
def _logged() -> Iterator[None]:
    handler, propagates = _Log(logging.WARNING), _pydicom.propagate
    _pydicom.addHandler(handler)
    _pydicom.propagate = False
    try:
        yield
    finally:
        _pydicom.propagate = propagates
        _pydicom.removeHandler(handler)


@contextmanager
def heard() -> Iterator[list[str]]:
    """Collects the warnings of this thread within it, one line each and each one once."""
    global _inside
    with _lock:
        if not _inside:
            shown = warnings.showwarning
            # OpenCV writes past Python, and of what it cannot read returns nothing besides.
            _filters.callback(_set_opencv, _set_opencv(cv2.utils.logging.LOG_LEVEL_SILENT))
            _filters.enter_context(warnings.catch_warnings())
            _filters.enter_context(_logged())
            for category in (UserWarning, RuntimeWarning):
                warnings.simplefilter("always", category)

            def keep(message, *where, **how):
                if not _kept(message):
                    shown(message, *where, **how)

            warnings.showwarning = keep
        _inside += 1
    found: list[str] = []
    before = _list.set(found)
    try:
        yield found
    finally:
        _list.reset(before)
        with _lock:
            _inside -= 1
            if not _inside:
                _filters.close()
