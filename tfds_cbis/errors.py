"""The one error that a user of the data set has to put right, and text that its line may show."""

#: Characters shown of a text from a file.
SHOWN = 120


class CbisError(Exception):
    """Something that only the user can put right: a wrong path, a damaged release, a full disk.

    The message is one line that says what is wrong, where, and what to do about it.
    """


def shorten(text: str, length: int = SHOWN) -> str:
    """Text to show: on one line, without control characters, cut where it is too long."""
    line = "".join(each if each.isprintable() else "?" for each in text[: length + 1])
    return line if len(line) <= length else f"{line[:length]}.."
