"""Runs commands one after the other in a process that does not find the packages.

Standard input holds {name: words of a command} as JSON. The last line of the output holds {name:
[exit code, what it printed, what it printed as errors]}, and as 'absent' the modules that cannot be
imported. Words that begin with an option are those of the benchmarks; those of a study are its data
and its folder: it does one run.
"""

import contextlib
import importlib
import io
import json
import sys
from pathlib import Path

from benchmarks.__main__ import main as benchmarks
from jaxcbis.commands.main import main
from jaxcbis.study.cells import Grid
from jaxcbis.study.run import run
from tests import stripes, tiny_run
from tests.absent import NOT_NEEDED


def _absent(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError:
        return True
    return False


def _study(_, data: str, folder: str) -> int:
    given = {"data": data, "image_size": stripes.SIZE, "epochs": 1}
    with tiny_run.no_reports():  # of its run; its own is written
        run(given, Grid(["tiny"], ["s2"], 1, ["random"], (20,), (3e-4,)), Path(folder))
    return 0


def _do(words: list[str]) -> int:
    if words[0] == "study":
        return _study(*words)
    return (benchmarks if words[0].startswith("-") else main)(words)


def _told(words: list[str]) -> tuple[int, str, str]:
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        code = _do(words)
    return code, out.getvalue(), error.getvalue()


absent = [module for module in NOT_NEEDED.values() if _absent(module)]
told = {name: _told(words) for name, words in json.load(sys.stdin).items()}
print(json.dumps(told | {"absent": (0, " ".join(absent), "")}))
