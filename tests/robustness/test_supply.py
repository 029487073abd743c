"""What comes from outside: no network but for the weights, and dependencies that are pinned."""

import json
import re
import shutil
import subprocess
import tomllib

import pytest

from tests import processes
from tests.processes import ROOT

#: Python imports this by itself at its start. Whatever asks for an address or connects is noted.
NO_NETWORK = """
import os, socket
def _forbid(name):
    def refuse(*words, **named):
        with open(os.environ["ATTEMPTS"], "a") as file:
            file.write(f"{name} {words}\\n")
        raise OSError(101, "Network is unreachable")
    return refuse
socket.getaddrinfo = _forbid("getaddrinfo")
socket.create_connection = _forbid("create_connection")
class Socket(socket.socket):
    def connect(self, address):
        return super().connect(address) if self.family == socket.AF_UNIX else refuse(address)
    connect_ex = connect
refuse = _forbid("connect")
socket.socket = Socket
"""


@pytest.fixture
def cut_off(tmp_path):
    """Runs a command without a network; returns what it said and every attempt to get one."""
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "sitecustomize.py").write_text(NO_NETWORK)
    attempts = tmp_path / "attempts"
    attempts.touch()
    online = {k: v for k, v in processes.WITHOUT_REPORTS.items() if k != "HF_HUB_OFFLINE"}
    env = online | {
        "PYTHONPATH": f"{tmp_path / 'start'}:{ROOT}", "ATTEMPTS": str(attempts),
        "HF_HOME": str(tmp_path / "hub"),
    }  # fmt: skip
    # Where it may be had, a name space without a network stops what is not Python's, too.
    alone = ["unshare", "--map-root-user", "--net"]
    possible = subprocess.run([*alone, "true"], capture_output=True).returncode == 0

    def run(*words, program=processes.PROGRAM):
        attempts.write_text("")
        line = [*(alone if possible else ()), *processes.command(*words, program=program)]
        done = subprocess.run(line, cwd=ROOT, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr, attempts.read_text().splitlines()

    return run


#: Commands one after the other in a process; a line in the file of attempts behind each.
COMMANDS = """
import json, os, sys
import tests.tiny
from jaxcbis.commands.main import main
from jaxcbis.report import run_report
run_report.write = lambda *_: None
for line in json.loads(sys.argv[1]):
    assert main(line) == 0
    with open(os.environ["ATTEMPTS"], "a") as file:
        print("done", file=file)
"""


def test_only_the_weights_are_fetched(cut_off, demo_dir, tmp_path):
    """From preparing the demo set on, as on a user's first day."""
    (release,) = demo_dir.glob("*/release")
    shutil.copytree(release, tmp_path / "data" / release.parent.name / "release")
    picture = next((tmp_path / "data").rglob("*.jpg"))
    words = (
        "--backbone", "tiny", "--strategy", "s2", "--image-size", 32, "--epochs", 1,
        "--data-dir", tmp_path / "data",
    )  # fmt: skip
    lines = (
        ("train", *words, "--output", tmp_path / "run"),
        ("explain", picture, "--run", tmp_path / "run", "--output", tmp_path / "explained"),
        ("report", tmp_path / "run"),
        ("export", tmp_path / "run", "--output", tmp_path / "model.stablehlo"),
        ("train", *words, "--weights", "random", "--output", tmp_path / "random"),
    )
    plain = json.dumps([list(map(str, line)) for line in lines])
    said, attempts = cut_off(plain, program=("-c", COMMANDS))
    assert "RANDOM WEIGHTS" in said
    found = json.loads((tmp_path / "run" / "results.json").read_text())
    assert (found["data"]["source"], found["weights"]["source"]) == ("demo", "random")
    first, *others = "\n".join(attempts).split("done")
    assert first.strip()
    assert all("huggingface.co" in attempt for attempt in first.strip().splitlines()), first
    assert [other.strip() for other in others] == [""] * len(lines)


def test_every_dependency_has_a_tested_bound_and_a_lock():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    locked = dict(
        line.split(";")[0].strip().split("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if re.match(r"[a-z0-9]", line)
    )
    for requirement in {one for group in groups for one in group}:
        name, bound = re.match(r"([A-Za-z0-9_.-]+)(?:\[.*\])?(.*)", requirement).groups()
        assert bound.startswith((">=", "==")) or name == "jax", requirement
        assert re.sub(r"[-_.]+", "-", name).lower() in locked, requirement
