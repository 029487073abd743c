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
from jaxcbis.commands.words import expand_home
from jaxcbis.errors import UserError
from jaxcbis.machine.console import Level, say, telling, warn
from jaxcbis.runs import preparation


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


@contextlib.contextmanager
def unread():
    """A stream that nobody reads."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe:
        yield pipe
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, write)  # where the rest may go when the pipe is closed
        os.close(nowhere)


@pytest.mark.parametrize(
    "command",
    [
        lambda: print("unread"),
        lambda: say("unread"),
    ],
)
def test_a_reader_that_has_gone_ends_a_command_in_silence(command, capsys):
    """As `head` does; the rest is not tried again when Python ends."""
    with unread() as pipe, contextlib.redirect_stdout(pipe):
        assert main.ending(command) == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["--version"]])
def test_help_that_nobody_reads_ends_in_silence(words, capsys):
    with unread() as pipe, contextlib.redirect_stdout(pipe):
        assert main.main(words) == 130
    assert capsys.readouterr().err == ""


def test_warnings_that_nobody_reads_end_a_command_too():
    def quiet():
        with telling(Level.QUIET):
            warn("unread")

    with unread() as pipe, contextlib.redirect_stderr(pipe):
        assert main.ending(quiet) == 130


def test_an_error_that_nobody_reads_keeps_its_code():
    with unread() as pipe, contextlib.redirect_stderr(pipe):
        assert main.ending(raising(UserError("unread"))) == 2


def test_without_a_temporary_folder_it_is_told_what_to_set(capsys):
    words = "No usable temporary directory found in ['/tmp', '/']"
    assert main.ending(raising(FileNotFoundError(errno.ENOENT, words))) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said == f"jaxcbis: {words}; set TMPDIR to a folder to write to"


CLOSED = """
from jaxcbis.commands.main import start
start(["explain", "no.png", "--run", "nowhere"])
"""


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_streams_that_are_closed_change_nothing(closed):
    """Neither an exit code, nor whose number the next file gets."""

    closing = " ".join(f"{number}>&-" for number in closed)
    words = ["sh", "-c", f'exec "$@" {closing}', "sh", sys.executable, "-c", CLOSED]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    if 2 in closed:
        assert done.stderr == ""
    else:
        assert done.stderr.startswith("jaxcbis: cannot read nowhere/")


def test_a_home_that_no_shell_has_seen_is_put_in(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    words = main.parser().parse_args(
        ["explain", "~/a.png", "b~.png", "--run=~/runs/a", "--json", "~/a.json"]
    )
    expand_home(words)
    assert words.images == [Path("/home/me/a.png"), Path("b~.png")]
    assert (words.run, words.json) == (Path("/home/me/runs/a"), "/home/me/a.json")
    words = main.parser().parse_args(
        ["train", "--data=~/cbis", "--data-dir", "~/sets", "--output", "~", "--weights", "~/w.h5"]
    )
    expand_home(words)
    paths = (words.data, words.data_dir, words.output, words.weights)
    assert paths == ("/home/me/cbis", "/home/me/sets", "/home/me", "/home/me/w.h5")
    words = main.parser().parse_args(
        ["study", "--output", "~/s", "--weights", "imagenet", "~/w.h5"]
    )
    expand_home(words)
    assert (words.output, words.weights) == (Path("/home/me/s"), ["imagenet", "/home/me/w.h5"])


def test_a_home_of_nothing_is_none_to_put_in(monkeypatch):
    """The system's entry of the user is; `~/x` is not `/x`."""
    seen = []
    seen_by = lambda config, **given: seen.append(config.data_dir)  # noqa: E731
    monkeypatch.setattr(preparation, "prepare", seen_by)
    monkeypatch.setenv("HOME", "")
    assert main.main(["prepare", "--data-dir=~/x"]) == 0
    monkeypatch.delenv("HOME", raising=False)
    assert seen == [os.path.expanduser("~/x")]
    assert seen != ["/x"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("patches", "expected a name that ends in .npz"),
        ("patches.npy", "expected a name that ends in .npz"),
        ("patches.npz.zip", "expected a name that ends in .npz"),
        ("there.npz", "is a folder"),
        ("file/patches.npz", "cannot write"),
    ],
)
def test_an_export_that_cannot_be_is_refused_before_anything_is_prepared(
    name, says, tmp_path, monkeypatch, refused_here
):
    (tmp_path / "there.npz").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.setattr(preparation, "prepare", None)  # which would take hours
    assert says in refused_here("prepare", "--export", tmp_path / name)


def test_an_export_that_can_be_is_prepared(tmp_path, monkeypatch):
    asked = {}
    monkeypatch.setattr(preparation, "prepare", lambda config, **given: asked.update(given))
    for name in ("patches.npz", "new/PATCHES.NPZ"):
        assert main.main(["prepare", "--export", str(tmp_path / name)]) == 0
        assert asked["export"] == tmp_path / name


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
    # Of each command, of all, and of none.
    assert done.stdout.split() == ["True", str(len(main._COMMANDS) + 2)]
