"""The command line in a process of its own with the backbones of tests: python -m tests.program.

With NO_REPORTS in the environment its runs leave no report, which takes a third of a small one.
"""

import os

import tests.tiny  # noqa: F401 - registers them, in this process and in its workers
from jaxcbis.commands.main import start

if __name__ == "__main__":
    if "NO_REPORTS" in os.environ:
        from jaxcbis.report import run_report

        run_report.write = lambda *_: None
    start()
