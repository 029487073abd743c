"""The one exception that the command line turns into one line and exit code 2, and its words."""

#: What to do where a command was ended by what it is not to blame for; all commands say it.
AGAIN = "give the same command again (for a training, add --resume)"


class UserError(Exception):
    """Something that only the user can put right: a wrong path, file, option or machine.

    The message is one line that says what is wrong, where, and what to do about it.
    """


def first_line(error: Exception) -> str:
    """Of what an error says; its name where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def one_line(text: str, most: int = 200) -> str:
    """A text of others, as a name in a file: one printable line of at most `most` characters."""
    line = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    return line if len(line) <= most else f"{line[: most - 2]}.."
