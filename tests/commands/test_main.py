"""Exit codes and the line that goes with them; what is loaded for a word that is wrong."""

import contextlib
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

import jaxcbis
import tfds_cbis
from jaxcbis.commands import main
from jaxcbis.errors import UserError


def raising(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (UserError("--data nowhere: no such file"), "--data nowhere: no such file"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/a/b"), "/a/b: No such file; put"),
        (PermissionError(errno.EACCES, "Permission denied", b"/a/b"), "/a/b: Permission denied"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device; put that"),
        (OSError(errno.ENOSPC, "No space left on device", 7), "No space left on device; put"),
        (OSError(errno.ENOLCK, "No locks available"), "No locks available; put that right"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files; put that right"),
        (OSError(errno.ESTALE, "Stale file handle"), "Stale file handle; put that right"),
        (TimeoutError("timed out"), "timed out; put that right"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "Network is unreachable; put"),
    ],
)
def test_what_the_user_can_put_right_is_one_line(error, line, capsys):
    assert main.ending(raising(error)) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"jaxcbis: {line}")


@pytest.mark.parametrize(
    "error",
    [
        ZeroDivisionError(),
        OSError("a library's own words"),
        OSError(errno.EINVAL, "Invalid argument"),
        OSError(errno.EBADF, "Bad file descriptor"),
        *(
            FileNotFoundError(
                errno.ENOENT, "No such file", str(Path(package.__file__).with_name("template.html"))
            )
            for package in (jaxcbis, tfds_cbis)
        ),
        FileNotFoundError(errno.ENOENT, "No such file", 7),
    ],
)
def test_a_fault_of_ours_is_no_line(error, capsys):
    with pytest.raises(type(error)):
        main.ending(raising(error))
    assert capsys.readouterr().err == ""


def test_a_reader_that_has_gone_interrupts(capsys):
    """As `head` does; the rest is not tried again when Python ends."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe, contextlib.redirect_stdout(pipe):
        assert main.ending(lambda: print("unread")) == 130
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("jaxcbis: nobody reads the output any more: interrupted;")


def test_a_disk_that_is_full_of_output_is_told(capsys):
    with open("/dev/full", "w") as full, contextlib.redirect_stdout(full):
        assert main.ending(lambda: print("lost")) == 2
        main._let_output_go()  # closing it would try again
    assert "No space left on device" in capsys.readouterr().err


QUICK = """
import contextlib, io, os, sys
before = dict(os.environ)
from jaxcbis.commands import main
said = io.StringIO()
with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
    for command in main._COMMANDS:
        with contextlib.suppress(SystemExit):
            main.main([command.__name__.rpartition(".")[2], "--help"])
    for words in (
        ["--help"], ["--version"], ["train", "--epochs", "0"], ["study", "--seeds", "0"],
        ["train", "--surprise"], ["audit"], ["explain", "a.png", "--run", "b", "--boxes", "0"], [],
    ):
        with contextlib.suppress(SystemExit):
            assert main.main(words) == 2
heavy = {"jax", "flax", "tensorflow_datasets", "cv2", "matplotlib", "sklearn", "numpy"}
usages = said.getvalue().count("usage:")
print(*sorted(heavy & sys.modules.keys()), dict(os.environ) == before, usages)
"""


def test_help_and_wrong_words_load_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", QUICK], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", str(len(main._COMMANDS) + 1)]
