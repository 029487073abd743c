"""Interrupts that come while a library is at work, which makes another error of them."""

import signal
import subprocess
import sys

import pytest

from jaxcbis.commands import main
from jaxcbis.errors import UserError


@pytest.fixture(autouse=True)
def handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ImportError, OSError, UserError])
def test_an_interrupt_is_one_whatever_a_library_makes_of_it(number, error, monkeypatch, capsys):
    def command(words):
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            raise error("initialization failed") from None

    monkeypatch.setattr(main, "_report", command)
    assert main.main(["report", "run"]) == 130
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("jaxcbis: interrupted; give the same command again")


def test_a_fault_without_an_interrupt_is_still_a_fault(monkeypatch):
    def command(words):
        raise ZeroDivisionError

    monkeypatch.setattr(main, "_report", command)
    with pytest.raises(ZeroDivisionError):
        main.main(["report", "run"])


def test_an_interrupt_that_is_ignored_stays_so(monkeypatch):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    monkeypatch.setattr(main, "_report", lambda words: signal.raise_signal(signal.SIGINT))
    assert main.main(["report", "run"]) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_all_is_done_ends_the_process_in_silence(number):
    script = (
        "import atexit, signal; from jaxcbis import cli\n"
        f"atexit.register(signal.raise_signal, {int(number)})\n"
        "cli._report = lambda words: None\n"
        "cli.start(['report', 'run'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (-number, "")
