"""Work in several processes: what comes back, what ends it, and what is left when it ends."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from jaxcbis.errors import UserError
from jaxcbis.machine import workers

ROOT = Path(__file__).resolve().parents[2]


def _double(number):
    def work(item, tell):
        tell((number, os.getpid()))
        tell(2 * item)

    return work


def _alike(number):
    """Waits for the other process, so that both must be at work at once."""

    def work(folder, tell):
        (folder / str(number)).touch()
        end = time.monotonic() + 60
        while len(list(folder.iterdir())) < 2:
            assert time.monotonic() < end, "the other one does not begin"
            time.sleep(0.01)

    return work


class Unpicklable(Exception):
    """Its pickle lacks what its constructor wants."""

    def __init__(self, wanted, more):
        super().__init__(f"{wanted} and {more}")


def _killed_when_done(number):
    def work(item, tell):
        tell("at work")
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGKILL)).start()

    return work


def _ends(number):
    """Ends as the item says, if it says anything."""

    def work(item, tell):
        if isinstance(item, signal.Signals):
            os.kill(os.getpid(), item)
        if item == "lock":
            raise ValueError("a lock", threading.Lock())
        if item == "constructor":
            raise Unpicklable("this", "that")
        if item is not None:
            raise UserError(item)

    return work


def _no_start(number):
    raise UserError("no such device")


def _sleeps(number):
    def work(item, tell):
        tell(os.getpid())
        time.sleep(600)

    return work


def test_every_item_is_done_once_and_told_in_order():
    told = {}
    for item, content in workers.each(range(7), _double, 3):
        told.setdefault(item, []).append(content)
    assert sorted(told) == list(range(7))
    assert all(content[1:] == [2 * item, None] for item, content in told.items())
    processes = {content[0] for content in told.values()}
    assert {number for number, _ in processes} <= {0, 1, 2}
    assert not any(_lives(process) for _, process in processes)


def test_items_are_done_at_once(tmp_path):
    assert len(list(workers.each([tmp_path, tmp_path], _alike, 8))) == 2


def test_what_ends_one_ends_all():
    with pytest.raises(UserError, match="wrong weights") as raised:
        list(workers.each([None, None, "wrong weights", None], _ends, 2))
    (note,) = raised.value.__notes__
    assert ", in work\n" in note, "where it was raised is lost"
    with pytest.raises(UserError, match="no such device"):
        list(workers.each([1], _no_start, 2))
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [
        (signal.SIGKILL, UserError, r"from outside \(SIGKILL\).* limit on memory.* same command"),
        (signal.SIGSEGV, RuntimeError, r"fault of its own or a library's \(SIGSEGV\)$"),
    ],
)
def test_a_signal_that_ends_a_process_is_named(number, kind, says):
    with pytest.raises(kind, match=says):
        list(workers.each([number, None], _ends, 1))


def test_a_process_that_is_gone_before_its_next_item_is_named():
    doing = workers.each([None, None], _killed_when_done, 1)
    assert next(doing) == (None, "at work")
    while multiprocessing.active_children():
        time.sleep(0.01)
    with pytest.raises(UserError, match=r"from outside \(SIGKILL\)"):
        list(doing)


@pytest.mark.parametrize(
    ("item", "says"), [("lock", "ValueError: .'a lock'"), ("constructor", "this and that")]
)
def test_an_error_that_cannot_be_handed_over_is_told_as_what_it_was(item, says):
    with pytest.raises(RuntimeError, match=says) as raised:
        list(workers.each([item], _ends, 1))
    assert ", in work\n" in str(raised.value), "where it was raised is lost"


def test_a_call_apart_returns_or_raises():
    assert workers.apart(os.getpid) != os.getpid()
    with pytest.raises(ZeroDivisionError):
        workers.apart(divmod, 1, 0)


SCRIPT = """
import os, signal
from jaxcbis.commands import main
from jaxcbis.machine import workers
from tests.machine.test_workers import _sleeps
def command():
    for _, told in workers.each([1, 2], _sleeps, 2):
        print(told, flush=True)
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell may have made it deaf to that
    os._exit(main.ending(command))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_behind_and_no_library_complains(tmp_path, number):
    (tmp_path / "script.py").write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, tmp_path / "script.py"], env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as parent:  # fmt: skip
        children = [int(parent.stdout.readline()) for _ in range(2)]
        assert all(map(_lives, children))
        if number == signal.SIGINT:
            os.killpg(parent.pid, number)  # as a terminal does
        else:
            parent.kill()
        lines = parent.stderr.read().splitlines()  # to its end: also what stays behind may write
    told = ["jaxcbis: interrupted"] if number == signal.SIGINT else []
    assert [line[:20] for line in lines] == told
    deadline = time.monotonic() + 30
    while any(map(_lives, children)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _lives(process):
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
