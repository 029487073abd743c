"""Starting JAX: what it finds in the environment, and what a user's process keeps."""

import json
import os
import subprocess
import sys

import jax
import pytest

import jaxcbis
from jaxcbis.errors import UserError
from jaxcbis.machine import backend
from jaxcbis.machine.backend import Share, Started, environment_of_start
from tests import CORES

#: What a user has who knows nothing of XLA.
CLEAN = {
    name: value
    for name, value in os.environ.items()
    if name not in ("XLA_FLAGS", "NPROC", "JAX_PLATFORMS", "XLA_PYTHON_CLIENT_MEM_FRACTION")
}


def told(script: str, **more) -> dict:
    """What a script prints as JSON in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", script], env=CLEAN, capture_output=True, text=True, **more
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_threads_are_the_users_else_those_asked_for_else_one_a_core():
    assert environment_of_start({"NPROC": "5"}, 3, False, None)["NPROC"] == "5"
    assert environment_of_start({}, 3, False, None)["NPROC"] == "3"
    assert environment_of_start({}, None, False, None)["NPROC"] == str(len(CORES))


def test_deterministic_comes_behind_the_users_flags_and_only_where_asked_for():
    users = {"XLA_FLAGS": "--xla_gpu_autotune_level=4"}
    flags = environment_of_start(users, None, True, None)["XLA_FLAGS"]
    assert flags.startswith("--xla_gpu_autotune_level=4 ")
    assert flags.endswith(" --xla_gpu_deterministic_ops=true")
    assert "deterministic" not in environment_of_start(users, None, False, None)["XLA_FLAGS"]


def test_a_users_choice_of_kernels_stays():
    users = {"XLA_FLAGS": "--xla_cpu_experimental_ynn_fusion_type=individual_convolution"}
    assert environment_of_start(users, None, False, None)["XLA_FLAGS"] == users["XLA_FLAGS"]
    assert "individual_dot" in environment_of_start({}, None, False, None)["XLA_FLAGS"]


def test_processes_on_one_gpu_have_a_share_of_its_memory_each():
    fraction = "XLA_PYTHON_CLIENT_MEM_FRACTION"
    four = environment_of_start({}, None, False, Share(number=3, processes=4, devices=2))
    assert four[fraction] == "0.450"
    assert four["XLA_CLIENT_MEM_FRACTION"] is None
    assert fraction not in environment_of_start({}, None, False, Share(1, 2, 2))


def test_the_compilers_flags_have_been_looked_into_for_this_jax():
    assert jax.__version_info__ < backend.LOOKED_INTO, (
        "measure train_behind_prefix and forward with and without --xla_cpu_experimental_ynn_"
        "fusion_type=individual_dot on this version of jax, then say so in machine/backend.py"
    )


def test_a_second_start_only_checks_that_it_fits():
    running = backend.start("auto")
    assert backend.start("auto", running.threads + 1) == running
    assert backend.has_started()
    with pytest.raises(ValueError, match="got 'tpu'"):
        backend.start("tpu")


@pytest.mark.parametrize(
    ("platform", "asked", "says"),
    [
        ("cpu", ("gpu", False), "--device gpu: this process computes on"),
        ("gpu", ("cpu", False), "--device cpu: this process computes on"),
        ("gpu", ("auto", True), "--deterministic: this process computes without it"),
        ("gpu", ("gpu", False), None),
        ("cpu", ("auto", True), None),
    ],
)
def test_what_comes_too_late_is_refused(platform, asked, says):
    running = Started(threads=2, deterministic=False)
    if says is None:
        backend.require_same(running, platform, *asked)
        return
    with pytest.raises(UserError, match=says):
        backend.require_same(running, platform, *asked)


def test_a_process_sees_the_gpu_of_its_turn():
    script = """
import json, jax
from jaxcbis.machine import backend
backend.start("cpu", share=backend.Share(3, 4, 2))
print(json.dumps(jax.config.values["jax_cuda_visible_devices"]))
"""
    assert told(script) == "1"


LOAD = """
import json, os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from jaxcbis import load  # libraries set variables of their own when they are imported
from jaxcbis.errors import UserError
from jaxcbis.machine import backend
before = dict(os.environ)
try:
    load("nowhere")
except UserError as error:
    tasks = os.listdir("/proc/self/task")
    names = [open(f"/proc/self/task/{task}/comm").read().strip() for task in tasks]
    print(json.dumps({
        "error": str(error), "started": backend.has_started(), "same": dict(os.environ) == before,
        "threads": backend.start("auto").threads, "xla": names.count("tf_XLAEigen"),
    }))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the threads' names")
def test_a_notebook_keeps_its_environment_and_has_a_thread_for_each_core():
    """On one core of several, where XLA by itself would take one thread."""
    found = told(LOAD)
    assert "nowhere" in found.pop("error")
    assert found == {"started": True, "same": True, "threads": len(CORES), "xla": len(CORES)}


REFUSED = """
import json, os, jax
from jaxcbis.machine import backend
before, early, said = dict(os.environ), backend.has_started(), []
for name in ("gpu", "cpu"):
    try:
        backend.start(name)
    except Exception as error:
        said.append(str(error))
print(json.dumps({
    "said": said, "early": early, "platforms": jax.config.jax_platforms,
    "same": dict(os.environ) == before,
}))
"""


def test_a_gpu_is_looked_for_whoever_made_it_and_only_before_jax_is_at_work():
    if jax.default_backend() != "cpu":
        pytest.skip("there is a GPU here")
    found = told(REFUSED)
    none, late = found["said"]
    assert found["platforms"] == ""
    assert none.startswith("--device gpu: JAX finds no GPU")
    assert late.startswith("JAX has started in this process before")
    assert not found["early"]
    assert found["same"]


@pytest.mark.full
def test_jax_takes_no_list_of_platforms_with_one_that_is_absent():
    """Else a GPU could be asked for by its makers' names."""
    script = "import jax; jax.config.update('jax_platforms', 'cpu,rocm'); jax.devices()"
    done = subprocess.run([sys.executable, "-c", script], env=CLEAN, capture_output=True, text=True)
    assert "rocm" in done.stderr.splitlines()[-1]


def test_load_goes_on_where_jax_is_at_work(tmp_path):
    with pytest.raises(UserError, match="expected the results of a run"):
        jaxcbis.load(tmp_path)
