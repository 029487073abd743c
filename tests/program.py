"""The command line in a process of its own with the backbones of tests: python -m tests.program."""

import tests.tiny  # noqa: F401 - registers them, in this process and in its workers
from jaxcbis.commands.main import start

if __name__ == "__main__":
    start()
