"""One run on several hosts: real processes that meet on the loopback interface."""

import json
import shutil
import signal
import socket
import subprocess
import time

import numpy as np
import pytest

from jaxcbis import config as options
from jaxcbis.errors import UserError
from jaxcbis.machine.hosts import LOST
from tests import processes
from tests.differences import assert_within
from tests.processes import ENVIRONMENT, ROOT

#: Low rates: Adam's first steps are as long for a gradient of rounding errors as for any other.
RUN = (
    "--backbone", "vgg16", "--strategy", "s2", "--weights", "random", "--image-size", "32",
    "--epochs", "3", "--batch-size", "32", "--head-lr", "1e-4", "--backbone-lr", "1e-6",
    "--device", "cpu",
)  # fmt: skip
#: Seconds within which all hosts must have ended that have lost one.
SOON = 60


def results(output):
    return json.loads((output / "results.json").read_text())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("hosts")


@pytest.fixture(scope="module")
def alone(folder, demo_dir):
    processes.run("train", *RUN, "--data-dir", demo_dir, "--output", folder / "alone")
    return results(folder / "alone")


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def start(count, data_dir, output, *words):
    """Starts all processes of a run."""
    address = ("--coordinator", f"127.0.0.1:{free_port()}", "--num-processes", count)
    return [
        begin(data_dir, output, *address, "--process-id", number, *words) for number in range(count)
    ]


def begin(data_dir, output, *words, env=ENVIRONMENT):
    return subprocess.Popen(
        processes.command("train", *RUN, "--data-dir", data_dir, "--output", output, *words),
        cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def same(found, expected, what):
    """Compares all figures of two runs; whole numbers and notes exactly."""
    rows = [[row["train_loss"], row["val_loss"]] for row in found["history"] if row["epoch"]]
    wanted = [[row["train_loss"], row["val_loss"]] for row in expected["history"] if row["epoch"]]
    assert_within(1e-5, np.array(rows) / wanted, np.ones_like(wanted), f"{what}: losses, relative")
    for key in ("accuracy", "auc_mean", "auc_hard_mean", "confusion"):
        assert_within(1e-5, found["test"][key], expected["test"][key], f"{what}: test figures")
    score = [part["localization"]["ll_score"] for part in (found, expected)]
    assert_within(1e-5, *score, f"{what}: localisation")
    assert found["data"] == expected["data"]


def test_two_hosts_find_what_one_finds_and_the_first_reports(folder, alone, demo_dir):
    """They meet by what Slurm sets for the tasks of a step."""
    slurm = {
        "SLURM_JOB_ID": "7", "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": "2",
        "JAX_COORDINATOR_PORT": str(free_port()),
    }  # fmt: skip
    processes = [
        begin(
            demo_dir, folder / "two", "--coordinator", "cluster",
            env=ENVIRONMENT | slurm | {"SLURM_PROCID": str(task), "SLURM_LOCALID": str(task)},
        )
        for task in range(2)
    ]  # fmt: skip
    said = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert "2 x cpu (cpu) on 2 hosts" in said[0][0]
    assert said[1] == ("", "")
    found = results(folder / "two")
    assert (found["environment"]["hosts"], found["environment"]["devices"]) == (2, 2)
    same(found, alone, "2 hosts against one")


def test_a_lost_host_ends_the_run_and_fewer_go_on(folder, alone, demo_dir, request):
    output = folder / "four"
    processes = start(4, demo_dir, output, "--verbose")
    for line in processes[0].stdout:  # a first epoch is done, and others are not
        if "epoch   1" in line:
            break
    processes[2].kill()
    killed = time.monotonic()
    said = [process.communicate() for process in processes]
    assert time.monotonic() - killed < SOON
    for number, process in enumerate(processes):
        if number == 2:
            assert process.returncode == -signal.SIGKILL
            continue
        assert process.returncode == 2, said[number]
        (line,) = said[number][1].splitlines()
        assert line.startswith(f"jaxcbis: {LOST}")
    assert results(output)["status"] == "interrupted"

    assert results(output)["environment"]["devices"] == 4
    shutil.copytree(output, folder / "two after four")
    processes.run("train", *RUN, "--data-dir", demo_dir, "--output", output, "--resume")
    found = results(output)
    same(found, alone, "one host after 4 against one")
    assert "begun on 4 devices and continued on 1: last digits may differ" in found["notes"]
    if request.config.getoption("--full"):
        processes = start(2, demo_dir, folder / "two after four", "--resume")
        said = [process.communicate() for process in processes]
        assert [process.returncode for process in processes] == [0, 0], said
        same(results(folder / "two after four"), alone, "2 hosts after 4 against one")


def test_a_disk_of_its_own_is_refused(folder, demo_dir, tmp_path):
    words = ("--coordinator", f"127.0.0.1:{free_port()}", "--num-processes", 2, "--process-id")
    processes = [begin(demo_dir, tmp_path / str(number), *words, number) for number in range(2)]
    said = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [2, 2]
    assert LOST in said[0]
    assert "not the first host's folder" in said[1]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"coordinator": "somewhere"}, "expected HOST:PORT"),
        ({"coordinator": "a:99999"}, "expected HOST:PORT"),
        ({"coordinator": "a:1234"}, "expected --num-processes N and --process-id I"),
        ({"coordinator": "a:1234", "num_processes": 2, "process_id": 2}, "got 2 and 2"),
        ({"num_processes": 2}, "expected only with --coordinator"),
        ({"coordinator": "cluster", "process_id": 1}, "expected only with --coordinator"),
    ],
)
def test_wrong_numbers_are_told_before_anything_starts(given, says):
    with pytest.raises(UserError, match=says):
        options.resolve(given)


def test_no_cluster_is_told(tmp_path):
    line = processes.refused(
        "train", *RUN, "--output", tmp_path / "run", "--coordinator", "cluster"
    )
    assert "found no cluster" in line


def test_json_of_a_run_on_one_host_names_no_other(alone):
    assert alone["environment"]["hosts"] == 1
    assert json.dumps(alone["config"]["coordinator"]) == "null"
