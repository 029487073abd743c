"""Interrupts that come while a library is at work, which makes another error of them."""

import signal
import subprocess
import sys

import pytest

from jaxcbis.commands import interrupts, main
from jaxcbis.errors import UserError


@pytest.fixture(autouse=True)
def heard():
    """Also where the tests run in the background, whose processes ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", interrupts.SIGNALS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, ImportError, OSError, UserError])
def test_an_interrupt_is_one_whatever_a_library_makes_of_it(number, error, capsys):
    before = signal.getsignal(number)

    def command():
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            raise error("initialization failed") from None

    assert main.ending(command) == 130
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("jaxcbis: interrupted; give the same command again")
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("train", "give the same command again with --resume to go on"),
        ("study --output out", "give the same command again to go on"),
        ("audit --run a --output out", "give the same command again to go on"),
        ("prepare", "the same command begins anew"),
        ("explain a.png --run run", "the same command begins anew"),
        ("froc --data data --run run --output out", "the same command begins anew"),
        ("report run", "the same command begins anew"),
    ],
)
def test_what_is_said_to_be_done_then_is_true_of_the_command(words, said, monkeypatch, capsys):
    command = words.split()[0]
    monkeypatch.setattr(
        getattr(main, command), "run", lambda words: signal.raise_signal(signal.SIGINT)
    )
    assert main.main(words.split()) == 130
    assert capsys.readouterr().err == f"jaxcbis: interrupted; {said}\n"


def test_an_interrupt_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert main.ending(lambda: signal.raise_signal(signal.SIGINT)) == 0
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interrupt_of_one_command_is_none_of_the_next():
    def interrupted():
        signal.raise_signal(signal.SIGTERM)

    def faulty():
        raise ZeroDivisionError

    assert main.ending(interrupted) == 130
    with pytest.raises(ZeroDivisionError):
        main.ending(faulty)


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.full)]
)
def test_a_signal_after_all_is_done_ends_the_process_in_silence(number):
    script = (
        "import atexit, signal; from jaxcbis.commands import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"atexit.register(signal.raise_signal, {int(number)})\n"
        "main.start(['--version'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (-number, "")
