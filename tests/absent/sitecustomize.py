"""Python imports this at its start where PYTHONPATH holds this folder: it hides packages."""

import os
import sys

_HIDDEN = os.environ.get("JAXCBIS_ABSENT", "").split()


class _Hiding:
    """A finder of modules that does not find the hidden ones."""

    def __init__(self, finder):
        self._finder = finder

    def find_spec(self, name, path=None, target=None):
        hidden = name.partition(".")[0] in _HIDDEN
        return None if hidden else self._finder.find_spec(name, path, target)

    def __getattr__(self, name):  # importlib.metadata asks finders for more
        return getattr(self._finder, name)


sys.meta_path[:] = map(_Hiding, sys.meta_path)
