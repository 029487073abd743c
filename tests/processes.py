"""Commands in processes of their own, as a user starts them, without a network."""

import subprocess
import sys
from pathlib import Path

from jaxcbis.machine import backend
from tests.absent import environment

ROOT = Path(__file__).resolve().parent.parent
#: Without PyTorch, which tensorboardX imports for seconds where it is; and with as many threads as
#: this process has: another number gives other last digits.
ENVIRONMENT = environment("torch", "torchvision") | {
    "HF_HUB_OFFLINE": "1", "NPROC": str(backend.start("auto").threads),
}  # fmt: skip
#: Where a run is of interest for what other programs read.
WITHOUT_REPORTS = ENVIRONMENT | {"NO_REPORTS": ""}
#: The command line with the backbones of tests.
PROGRAM = ("-m", "tests.program")


def command(*words, program=PROGRAM) -> list[str]:
    """The words of a process."""
    return [sys.executable, *program, *map(str, words)]


def begin(*words, program=PROGRAM, **options) -> subprocess.Popen:
    """Starts a command whose output is read line by line."""
    given = {"env": ENVIRONMENT, "stdout": subprocess.PIPE, "text": True} | options
    return subprocess.Popen(command(*words, program=program), cwd=ROOT, **given)


def run(*words, program=PROGRAM, env=ENVIRONMENT) -> str:
    """Runs a command that ends well; returns what it printed."""
    done = subprocess.run(
        command(*words, program=program), cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(*words, program=PROGRAM) -> str:
    """Runs a command that must fail as the user's fault; returns the one line that says why."""
    done = subprocess.run(
        command(*words, program=program), cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.strip().splitlines()
    return line
