"""The one exception that the command line turns into one line and exit code 2."""


class UserError(Exception):
    """Something that only the user can put right: a wrong path, file, option or machine.

    The message is one line that says what is wrong, where, and what to do about it.
    """
