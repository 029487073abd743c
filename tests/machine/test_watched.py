"""A process that ends without a word: what its parent says, and which log it keeps."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jaxcbis.errors import UserError
from jaxcbis.machine import ended, watched
from jaxcbis.machine.hosts import LOST

FAULTS = ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT")
OUTSIDE = ("SIGKILL", "SIGHUP")

SCRIPT = """
import json, os, resource, signal, sys
from jaxcbis.machine import watched
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup's children would ignore it
told = {}
for name in sys.argv[1:]:
    try:
        watched.go_on_in_child()
    except Exception as error:
        told[name] = type(error).__name__, str(error)
    else:
        os.write(2, b"a library's last words")
        os.kill(os.getpid(), signal.Signals[name])
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What the parent says of a child that each signal ended, and the folder of its logs."""
    folder = tmp_path_factory.mktemp("logs")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *FAULTS, *OUTSIDE],
        env={"TMPDIR": str(folder)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout), folder


@pytest.mark.parametrize("name", FAULTS)
def test_a_librarys_fault_is_named_and_its_log_is_kept(told, name):
    kind, line = told[0][name]
    assert kind == "RuntimeError"
    assert name in line
    assert "memory" not in line
    assert Path(line.rsplit(" ", 1)[1]).read_text() == "a library's last words"


def test_what_came_from_outside_leaves_no_log(told):
    said, folder = told
    for name in OUTSIDE:
        kind, line = said[name]
        assert kind == "UserError"
        assert f"from outside ({name})" in line
        assert ("limit on memory" in line) == (name == "SIGKILL")
        assert "--resume" in line
    assert len(list(folder.iterdir())) == len(FAULTS)


def test_only_jaxs_own_end_tells_of_a_lost_host(tmp_path):
    log = tmp_path / "log"
    log.write_text("F0000 Terminating process because the JAX distributed service detected fatal")
    log.write_text(f"{log.read_text()} errors. ... UNAVAILABLE: The following tasks are unhealthy")
    lost = watched._error(-signal.SIGABRT, log)
    assert isinstance(lost, UserError)
    assert str(lost).startswith(LOST)
    assert str(log) in str(lost)
    log.write_text("free(): invalid pointer")
    fault = watched._error(-signal.SIGABRT, log)
    assert not isinstance(fault, UserError)
    assert str(log) in str(fault)


def test_an_exit_without_a_word_and_a_signal_without_a_name():
    assert "(exit code 3)" in str(ended.error("it", 3, "again"))
    assert "(signal 40)" in str(ended.error("it", -40, "again"))
