"""One run on several hosts: real processes that meet on the loopback interface."""

import json
import re
import shutil
import signal
import socket
import subprocess
import time

import numpy as np
import pytest

from jaxcbis import config as options
from jaxcbis.commands.main import main
from jaxcbis.errors import UserError
from jaxcbis.machine import hosts
from jaxcbis.machine.hosts import LOST
from tests import (
    processes,
    stripes,
    tiny_run,
)
from tests.differences import assert_within
from tests.processes import WITHOUT_REPORTS

#: Low rates: Adam's first steps are as long for a gradient of rounding errors as for any other.
RUN = (
    "--backbone", "tiny", "--strategy", "s2", "--weights", "random", "--image-size", "32",
    "--epochs", "2", "--batch-size", "32", "--head-lr", "1e-4", "--backbone-lr", "1e-6",
    "--device", "cpu", "--look-weight", "0.5",
)  # fmt: skip
#: Seconds within which all hosts must have ended that have lost one.
SOON = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("hosts")


@pytest.fixture(scope="module")
def patches(folder):
    """Words of the command line: where the data are."""
    return "--data", stripes.write(folder / "patches.npz")


@pytest.fixture(scope="module")
def alone(folder, patches):
    return run_alone(folder / "alone", *patches)


def run_alone(output, *words):
    given = ("train", *RUN, *words, "--output", output, "--quiet")
    with tiny_run.no_reports():
        assert main([*map(str, given)]) == 0
    return results(output)


def results(output):
    return json.loads((output / "results.json").read_text())


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def start(count, output, *words):
    """Starts all processes of a run."""
    address = ("--coordinator", f"127.0.0.1:{free_port()}", "--num-processes", count)
    return [begin(output, *address, "--process-id", number, *words) for number in range(count)]


def begin(output, *words, env=WITHOUT_REPORTS):
    given = ("train", *RUN, "--output", output, *words)
    return processes.begin(*given, env=env, stderr=subprocess.PIPE)


def same(found, expected, what):
    """Compares all figures of two runs; whole numbers and notes exactly."""
    rows = [[row["train_loss"], row["val_loss"]] for row in found["history"] if row["epoch"]]
    wanted = np.array(
        [[row["train_loss"], row["val_loss"]] for row in expected["history"] if row["epoch"]]
    )
    assert_within(
        1e-5, rows, wanted, "several hosts: losses, relative | one", scale=wanted, detail=what
    )
    for key in ("accuracy", "auc_mean", "auc_hard_mean"):
        assert found["test"][key] == pytest.approx(expected["test"][key], abs=1e-5), what
    assert found["test"]["confusion"] == expected["test"]["confusion"], what
    score, of_one = (part["localization"]["ll_score"] for part in (found, expected))
    assert score == pytest.approx(of_one, abs=1e-5), what
    assert found["data"] == expected["data"]


def test_two_hosts_find_what_one_finds_and_the_first_reports(folder, alone, patches):
    """They meet by what Slurm sets for the tasks of a step."""
    slurm = {
        "SLURM_JOB_ID": "7", "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": "2",
        "JAX_COORDINATOR_PORT": str(free_port()),
    }  # fmt: skip
    begun = [
        begin(
            folder / "two", *patches, "--coordinator", "cluster",
            env=WITHOUT_REPORTS | slurm | {"SLURM_PROCID": str(task), "SLURM_LOCALID": str(task)},
        )
        for task in range(2)
    ]  # fmt: skip
    said = [process.communicate() for process in begun]
    assert [process.returncode for process in begun] == [0, 0], said
    assert "2 x cpu (cpu) on 2 hosts" in said[0][0]
    assert said[1] == ("", "")
    found = results(folder / "two")
    assert (found["environment"]["hosts"], found["environment"]["devices"]) == (2, 2)
    assert (alone["environment"]["hosts"], alone["config"]["coordinator"]) == (1, None)
    same(found, alone, "2 hosts against one")


@pytest.mark.full
def test_a_lost_host_ends_the_run_and_fewer_go_on(folder, demo_dir):
    """On data that the first host prepares, while the others wait."""
    output, prepared = folder / "four", ("--data-dir", demo_dir)
    alone = run_alone(folder / "alone on the demo", *prepared)
    begun = start(4, output, *prepared, "--verbose")
    for line in begun[0].stdout:  # a first epoch is done, and others are not
        if re.match(r"\w+ +1  ", line):
            break
    begun[2].kill()
    killed = time.monotonic()
    said = [process.communicate() for process in begun]
    assert time.monotonic() - killed < SOON
    for number, process in enumerate(begun):
        if number == 2:
            assert process.returncode == -signal.SIGKILL
            continue
        assert process.returncode == 2, said[number]
        (line,) = said[number][1].splitlines()
        assert line.startswith(f"jaxcbis: {LOST}")
    assert results(output)["status"] == "interrupted"

    assert results(output)["environment"]["devices"] == 4
    shutil.copytree(output, folder / "two after four")
    found = run_alone(output, *prepared, "--resume")
    same(found, alone, "one host after 4 against one")
    assert "begun on 4 devices and continued on 1: last digits may differ" in found["notes"]
    begun = start(2, folder / "two after four", *prepared, "--resume")
    said = [process.communicate() for process in begun]
    assert [process.returncode for process in begun] == [0, 0], said
    same(results(folder / "two after four"), alone, "2 hosts after 4 against one")


@pytest.mark.full
def test_a_disk_of_its_own_is_refused(patches, tmp_path):
    words = ("--coordinator", f"127.0.0.1:{free_port()}", "--num-processes", 2, "--process-id")
    begun = [begin(tmp_path / str(number), *patches, *words, number) for number in range(2)]
    said = [process.communicate()[1] for process in begun]
    assert [process.returncode for process in begun] == [2, 2]
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


@pytest.mark.full
def test_no_cluster_is_told(tmp_path):
    words = ("train", *RUN, "--output", tmp_path / "run", "--coordinator", "cluster")
    assert "found no cluster" in processes.refused(*words)


MEET = """
import json, sys
import numpy as np
from jaxcbis.machine import backend, hosts
address, number = sys.argv[1], int(sys.argv[2])
before = hosts.first()
with hosts.joined(address, 2, number):
    backend.start("cpu")
    theirs = hosts.exchange([np.arange(number + 1), np.array(["a", "bcd"][number])])
    told = json.dumps({
        "before": before, "first": hosts.first(), "share": list(hosts.share(5)),
        "least": hosts.least(3.5 - number), "decided": [
            hosts.of_first(number == 0), hosts.of_first(number == 1)],
        "exchanged": [[x.tolist() for x in arrays] for arrays in theirs],
    })
    hosts.wait_for_all("done")
print(told)
"""


def test_hosts_share_exchange_and_do_as_the_first_decides():
    address = f"127.0.0.1:{free_port()}"
    begun = [processes.begin(address, number, program=("-c", MEET)) for number in range(2)]
    said = [process.communicate()[0] for process in begun]
    for number, text in enumerate(said):
        found = json.loads(text.splitlines()[-1])  # behind what Gloo says of its connections
        assert found["before"]
        assert found["first"] == (number == 0)
        assert found["share"] == [[0, 2, 4], [1, 3]][number]
        assert found["least"] == 2.5
        assert found["decided"] == [True, False]
        assert found["exchanged"] == [[[0], "a"], [[0, 1], "bcd"]]


def test_a_process_alone_is_the_first_and_decides_by_itself():
    assert hosts.first()
    assert hosts.share(3) == range(3)
    assert (hosts.least(2.5), hosts.of_first(True), hosts.of_first(False)) == (2.5, True, False)
    (own,) = hosts.exchange([np.arange(3)])
    assert own[0].tolist() == [0, 1, 2]


def test_what_jax_says_of_a_lost_host_is_known_wherever_it_stands():
    def fail():
        try:
            raise RuntimeError("UNAVAILABLE: The following tasks are unhealthy")
        except RuntimeError as error:
            raise ValueError("the loss could not be had") from error

    assert hosts.tells_of_a_lost_host("Gloo AllReduce failed")
    assert not hosts.tells_of_a_lost_host("the loss is not finite")
    with pytest.raises(ValueError, match="could not be had") as raised:
        fail()
    assert hosts._comes_of_a_lost_host(raised.value)
