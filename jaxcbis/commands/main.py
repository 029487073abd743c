"""The program: a command's start, its interrupts and its exit code."""

import argparse
import contextlib
import errno
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import jaxcbis
from jaxcbis.commands import (
    audit,
    check,
    explain,
    export,
    findings,
    froc,
    interrupts,
    mammogram,
    prepare,
    report,
    show,
    study,
    train,
)
from jaxcbis.commands.completion import PrintCompletion
from jaxcbis.commands.words import STARTS_AFRESH, Parser, expand_home
from jaxcbis.errors import AGAIN, UserError
from jaxcbis.machine import process
from jaxcbis.machine.console import Level, fail, telling

EXIT_FAULT = 1
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130

#: In the order of --help.
_COMMANDS = (
    check, prepare, train, show, report, explain, froc, mammogram, export, study, audit, findings,
)  # fmt: skip

_USAGE = "jaxcbis COMMAND [options]"
_EPILOG = "Begin with jaxcbis check; jaxcbis COMMAND --help explains each command."

_AGAIN = f"put that right and {AGAIN}"
#: What disks, memory and networks lack, without a file's name.
_OUTSIDE = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM,
    errno.ENOMEM, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ECONNREFUSED,
    errno.ECONNRESET, errno.ETIMEDOUT, errno.ENOLCK, errno.ESTALE, errno.EMFILE, errno.ENFILE,
}  # fmt: skip
_ROOT = Path(jaxcbis.__file__).resolve().parent.parent
_OURS = (_ROOT / "jaxcbis", _ROOT / "tfds_cbis")


def start(arguments: list[str] | None = None) -> NoReturn:
    """Runs one command as the whole process; `python -m jaxcbis` and run.py end here.

    Args:
      arguments: of `main`.
    """
    process.begin()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's shutdown takes no exceptions
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show a dash or a line
    try:
        code = main(arguments)
    except Exception:
        traceback.print_exc()
        code = EXIT_FAULT
    if code:
        # A checkpoint may be half written in a thread, which would complain of Python's shutdown;
        # and JAX would wait for other hosts, which wait for this one.
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):  # what failed before does so again
                stream.flush()
        os._exit(code)
    sys.exit(code)


def main(arguments: list[str] | None = None) -> int:
    """Runs one command.

    Args:
      arguments: words behind the program's name; those of the process if None.

    Returns:
      Exit code: 0 done, 2 bad input or usage, 130 interrupted. A fault of ours raises.
    """
    words = argparse.Namespace(again=STARTS_AFRESH)
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments:
        print(parser().format_help(), end="", file=sys.stderr)
        return EXIT_USER_ERROR

    def command() -> None:
        try:
            parser().parse_args(arguments, words)
        except SystemExit:  # --help and --version; whether they were read is told here
            sys.stdout.flush()
            raise
        process.settle()  # before: a HOME of nothing counts as not set
        expand_home(words)
        with telling(getattr(words, "level", Level.NORMAL)):
            words.command(words)

    return ending(command, lambda: words.again)


def ending(command: Callable[[], None], again: Callable[[], str] = lambda: AGAIN) -> int:
    """Does a command, and says in one line what ended it before its time.

    Args:
      command: to do.
      again: what to do after an interrupt; asked then, as the command may have to be read first.

    Returns:
      The exit code of `main`.
    """
    with interrupts.heard() as interrupted:
        try:
            command()
            sys.stdout.flush()
        except (Exception, KeyboardInterrupt) as error:
            code, line = answer(error, interrupted(), again())
            if code == EXIT_FAULT:
                raise
            with contextlib.suppress(OSError):  # nor can that be said
                if line:
                    fail(f"jaxcbis: {line}")
            return code
    return 0


def parser() -> Parser:
    """The words of all commands."""
    whole = Parser(prog="jaxcbis", description=jaxcbis.__doc__, epilog=_EPILOG, usage=_USAGE)
    whole.add_argument(
        "--version", action="version", version=jaxcbis.__version__, help="Print the version."
    )
    whole.add_argument(
        "--print-completion", action=PrintCompletion, metavar="SHELL",
        help="Print what makes a SHELL complete commands and options: bash, zsh, fish or tcsh.",
    )  # fmt: skip
    commands = whole.add_subparsers(
        title="commands", prog="jaxcbis", metavar="COMMAND", required=True
    )
    for command in _COMMANDS:
        command.add(commands)
    for told in commands._choices_actions:  # each says of itself what the list says of it
        commands.choices[told.dest].description = told.help
    return whole


def answer(error: BaseException, interrupted: bool, again: str) -> tuple[int, str]:
    """The exit code that an error ends a command with, and the line that is said then.

    Args:
      error: that was raised.
      interrupted: whether it came with an interrupt, of which it then tells nothing new.
      again: what to do after an interrupt.

    Returns:
      The code, and the line; '' where nothing is to be said.
    """
    if interrupted or isinstance(error, KeyboardInterrupt):
        return EXIT_INTERRUPTED, f"interrupted; {again}"
    if isinstance(error, UserError):
        return EXIT_USER_ERROR, str(error)
    if isinstance(error, BrokenPipeError):  # as by `head`, which has read all that it wants
        _let_output_go()
        return EXIT_INTERRUPTED, ""
    if isinstance(error, OSError):
        file, told = _file_of(error), f"{error.strerror or error}; {_AGAIN}"
        # A file of ours that is missing, or a call that the system refuses, is no fault of theirs.
        if file is not None and not any(map(file.absolute().is_relative_to, _OURS)):
            return EXIT_USER_ERROR, f"{file}: {told}"
        if file is None and (error.errno in _OUTSIDE or isinstance(error, TimeoutError)):
            return EXIT_USER_ERROR, told
        if file is None and told.startswith("No usable temporary directory"):
            return EXIT_USER_ERROR, f"{error.strerror}; set TMPDIR to a folder to write to"
    return EXIT_FAULT, ""


def _file_of(error: OSError) -> Path | None:
    """The file that the error names; not a number of an open one."""
    name = error.filename
    return Path(os.fsdecode(name)) if isinstance(name, (str, bytes, os.PathLike)) else None


def _let_output_go() -> None:
    """Else Python would try to write the rest at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
