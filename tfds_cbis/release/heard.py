"""What libraries warn of while a file is read: kept for its reader, and off the screen."""

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
            for category in (UserWarning, RuntimeWarning):
                warnings.simplefilter("always", category)

            def keep(message, *where, **how):
                found = _list.get()
                if found is None:  # of a thread that reads no file
                    return shown(message, *where, **how)
                line = shorten(" ".join(str(message).split()))
                if line not in found:
                    found.append(line)

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
