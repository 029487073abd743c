"""Steps of a session: states, limits, what is left of a killed one, and the summary."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from benchmarks.gpu import session
from benchmarks.gpu.session import Step
from jaxcbis.errors import UserError


def python(name, code, share=1.0, least=1.0, **words):
    return Step(name, lambda limit: [sys.executable, "-c", code], share, least, **words)


#: Starts a process of its own and waits for it, deaf to the first request to end.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_step_that_fails_or_hangs_costs_its_own_time_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(session, "_LEAST", 0)
    monkeypatch.setattr(session, "_GRACE", 0.5)
    kept = []
    steps = [
        python("works", "print('first'); print('  last  ')"),
        python("fails", "raise SystemExit('this is wrong')"),
        python("hangs", STUBBORN, share=0.001, least=3.0, keep=kept.append),
        python("goes on", "import os; print(os.environ['GIVEN'])"),
    ]
    environment = dict(os.environ) | {"GIVEN": "yes"}
    records = session.run(steps, tmp_path, 60, environment, ["a note"])
    assert [record["state"] for record in records] == ["done", "failed", "killed", "done"]
    last = [record["last_line"] for record in records]
    assert (last[0], last[1], last[3]) == ("last", "this is wrong", "yes")
    assert 3 <= records[2]["seconds"] < 30
    assert kept == [records[2]["seconds"]]
    deadline = time.monotonic() + 10
    while alive(last[2]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not alive(last[2]), "what the step had started holds the device still"
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["steps"] == records
    text = (tmp_path / "summary.txt").read_text()
    assert "this is wrong" in text
    assert text.endswith("Note: a note\n")
    assert "hangs" in capsys.readouterr().out


def test_limits_are_shares_of_what_is_left_and_no_step_begins_without_time(tmp_path, monkeypatch):
    limits = []

    def words(limit):
        limits.append(limit)
        return [sys.executable, "-c", ""]

    steps = [Step(f"step {i}", words, share, 0.0) for i, share in enumerate((1, 3, 1))]
    session.run(steps, tmp_path, 1000, dict(os.environ), [])
    assert 190 < limits[0] <= 200
    assert 700 < limits[1] <= 750, "what the one before it left is shared by the others"
    assert 900 < limits[2] <= 1000
    records = session.run(steps, tmp_path, session._LEAST - 1, dict(os.environ), [])
    assert {record["state"] for record in records} == {"skipped"}
    assert len(limits) == 3


def test_a_signal_while_a_step_starts_ends_it_too(tmp_path, monkeypatch):
    step = python("sleeps", "import time; time.sleep(60)")
    started = []
    popen = subprocess.Popen

    def interrupted(*words, **options):
        started.append(popen(*words, **options))
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.1)  # the handler of a signal has its turn
        return started[0]

    def interrupt(number, frame):
        raise KeyboardInterrupt

    monkeypatch.setattr(session.subprocess, "Popen", interrupted)
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            session.run([step], tmp_path, 60, dict(os.environ), [])
        assert signal.getsignal(signal.SIGTERM) is interrupt
    finally:
        signal.signal(signal.SIGTERM, before)
        (process,) = started
        left = process.poll() is None
        process.kill()
        process.wait()
    assert not left


def test_results_that_cannot_be_kept_fail_their_step_alone(tmp_path):
    def keep(error):
        def fail(seconds):
            raise error

        return fail

    steps = [
        python("lacks", "print('fine')", keep=keep(KeyError("history"))),
        python("full", "print('fine')", keep=keep(UserError("cannot write x.json: disk full"))),
        python("goes on", "print('fine')"),
    ]
    records = session.run(steps, tmp_path, 60, dict(os.environ), [])
    assert [record["state"] for record in records] == ["failed", "failed", "done"]
    assert "KeyError('history')" in records[0]["last_line"]
    assert records[1]["last_line"].endswith("kept: cannot write x.json: disk full")
    assert json.loads((tmp_path / "summary.json").read_text())["steps"] == records


def test_results_of_an_earlier_session_go_as_their_step_begins(tmp_path):
    old, other = tmp_path / "gpu-one.json", tmp_path / "gpu-two.json"
    for file in (old, other):
        file.write_text("old")
    step = python("one", "raise SystemExit('no results')", files=(old, tmp_path / "never.png"))
    session.run([step], tmp_path, session._LEAST - 1, dict(os.environ), [])
    assert old.exists(), "the step was skipped"
    session.run([step], tmp_path, 60, dict(os.environ), [])
    assert not old.exists()
    assert other.exists(), "of a step that is not taken"


def test_a_step_gets_its_least(tmp_path):
    limits = []
    steps = [
        Step("small", lambda limit: limits.append(limit) or [sys.executable, "-c", ""], 1, 40),
        python("large", "", share=99),
    ]
    session.run(steps, tmp_path, 100, dict(os.environ), [])
    assert limits == [40]
