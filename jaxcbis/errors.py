"""The exception that the command line turns into one line and exit code 2, and its words."""

import difflib
from collections.abc import Iterable

#: What to do where a command was ended by what it is not to blame for; all commands say it.
AGAIN = "give the same command again (for a training, add --resume)"


class UserError(Exception):
    """Something that only the user can put right: a wrong path, file, option or machine.

    The message is one line that says what is wrong, where, and what to do about it.
    """


class MissingFileError(UserError, FileNotFoundError):
    """A file or folder that the user named is not there: also what Python itself would raise."""


class InvalidValueError(UserError, ValueError):
    """A value that is not of the kind asked for: also what Python itself would raise."""


def not_read(error: Exception) -> type[UserError]:
    """The kind of error for a file that could not be read, by why it could not."""
    return MissingFileError if isinstance(error, FileNotFoundError) else UserError


def meant(word: str, known: Iterable[str]) -> str:
    """'; did you mean WORD?' of the known word most like another one; '' if none is like it."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def first_line(error: Exception) -> str:
    """Of what an error says; its name where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def one_line(text: str, most: int = 200) -> str:
    """A text of others, as a name in a file: one printable line of at most `most` characters."""
    line = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    return line if len(line) <= most else f"{line[: most - 2]}.."
