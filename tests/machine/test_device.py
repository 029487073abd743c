"""Choosing a device, before JAX starts: each in a process of its own."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import jax
import pytest

from jaxcbis.errors import UserError
from jaxcbis.machine import allocator, device

CLEAN = {
    name: value
    for name, value in os.environ.items()
    if name not in ("XLA_FLAGS", "NPROC", "JAX_PLATFORMS", "XLA_PYTHON_CLIENT_MEM_FRACTION")
}


def child(*lines: str, **environment: str) -> subprocess.CompletedProcess:
    code = "\n".join(("import os, jax", "from jaxcbis import device", *lines))
    words = [sys.executable, "-c", code]
    return subprocess.run(words, env=CLEAN | environment, capture_output=True, text=True)


def told(*lines: str, **environment: str) -> dict:
    done = child(*lines, **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_gpu_is_found_where_only_one_makers_plugin_is_installed():
    named = child("jax.config.update('jax_platforms', 'cpu,rocm')", "jax.devices()")
    assert "rocm" in named.stderr.splitlines()[-1], "JAX takes no list with one that is absent"
    asked = (
        "import json, types",
        "jax.devices = lambda: [types.SimpleNamespace(platform='gpu')]  # what a plugin would give",
        "found = device.choose('gpu').platform",
        "print(json.dumps({'found': found, 'platforms': jax.config.jax_platforms}))",
    )
    assert told(*asked, JAX_PLATFORMS="cpu") == {"found": "gpu", "platforms": ""}


def test_no_gpu_is_a_users_error():
    done = child("device.choose('gpu')", JAX_PLATFORMS="cpu")
    assert "jaxcbis.errors.UserError: --device gpu: JAX finds no GPU" in done.stderr


def test_it_is_too_late_to_choose_once_jax_has_started():
    done = child("jax.devices()", "device.choose('auto')")
    assert "JAX has started in this process before" in done.stderr
    again = ("device.choose('cpu')", "device.choose('auto')", "device.choose('gpu')")
    assert "this process computes on cpu (cpu) already" in child(*again).stderr


def test_jax_is_told_to_have_started_only_when_it_has():
    lines = ("import json", "before = device.started()", "device.choose('cpu')")
    assert told(*lines, "print(json.dumps([before, device.started()]))") == [False, True]


@pytest.mark.parametrize("wanted", [False, True])
def test_deterministic_leaves_out_what_differs_between_runs(wanted):
    lines = (f"device.choose('auto', deterministic={wanted})", "print(os.environ['XLA_FLAGS'])")
    done = child(*lines)
    assert ("--xla_gpu_exclude_nondeterministic_ops=true" in done.stdout) == wanted
    assert ("--xla_gpu_autotune_level=0" in done.stdout) == wanted


def test_deterministic_is_refused_where_it_is_too_late(monkeypatch):
    monkeypatch.setattr(jax, "devices", lambda: [SimpleNamespace(platform="gpu")])
    with pytest.raises(UserError, match="--deterministic: this process computes without it"):
        device.choose("auto", deterministic=True)


def test_the_compilers_flags_have_been_looked_into_for_this_jax():
    assert jax.__version_info__ < device.LOOKED_INTO, (
        "measure train_behind_prefix and forward with and without --xla_cpu_experimental_ynn_"
        "fusion_type=individual_dot on this version of jax, then say so in jaxcbis/device.py"
    )


def test_processes_on_one_gpu_have_a_share_of_its_memory_each():
    shown = (
        "import json",
        "print(json.dumps([jax.config.values['jax_cuda_visible_devices'],"
        " os.environ.get('XLA_PYTHON_CLIENT_MEM_FRACTION')]))",
    )
    assert told("device.restrict(3, 4, 2)", *shown) == ["1", "0.450"]
    assert told("device.restrict(1, 2, 2)", *shown) == ["1", None]


@pytest.mark.parametrize(
    ("platform", "gib", "cores", "processes"),
    [("cpu", 0, 16, 1), ("gpu", 105, 16, 5), ("gpu", 30, 16, 3), ("gpu", 105, 2, 1)],
)
def test_a_gpu_serves_what_its_memory_and_the_hosts_cores_allow(
    platform, gib, cores, processes, monkeypatch
):
    one = SimpleNamespace(platform=platform, memory_stats=lambda: {"bytes_limit": gib * 2**30})
    monkeypatch.setattr(jax, "local_devices", lambda: [one])
    monkeypatch.setattr(jax, "local_device_count", lambda: 1)
    monkeypatch.setattr(device, "_allowed_cores", lambda: cores)
    assert device.served() == processes


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
@pytest.mark.parametrize(
    ("gpu", "words", "again"),
    [(False, [], True), (True, [], False), (True, ["--device", "cpu"], True)],
)
def test_glibc_is_set_up_only_where_a_cpu_computes(gpu, words, again, tmp_path, monkeypatch):
    begun = []
    own = {k: v for k, v in CLEAN.items() if k != "GLIBC_TUNABLES"}
    monkeypatch.setattr(os, "environ", own)
    monkeypatch.setattr(allocator, "_GPUS", (str(tmp_path if gpu else tmp_path / "none"),))
    monkeypatch.setattr(sys, "argv", ["run.py", *words])
    monkeypatch.setattr(os, "execv", lambda *call: begun.append(call))
    allocator.restart()
    assert bool(begun) == again
