"""What must not change a number: the machine's surroundings, and how the disk lists its files."""

import json
import os
import subprocess

import jax
import numpy as np
import pytest

import jaxcbis
import tests.tiny  # noqa: F401 - registers its backbones
from jaxcbis.machine import backend
from jaxcbis.runs import claim
from tests import ALLOWED, processes, stripes
from tfds_cbis import prepare
from tfds_cbis.release import phantom

SURROUNDINGS = (
    {"LC_ALL": "C", "TZ": "UTC", "PYTHONHASHSEED": "0"},
    {"LC_ALL": "C.UTF-8", "TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "7"},
)
#: As a user has it; a process of `-n` has one core alone.
USERS = {
    k: v for k, v in processes.WITHOUT_REPORTS.items()
    if k not in ("NPROC", "XLA_FLAGS", "PYTEST_XDIST_WORKER")
}  # fmt: skip
WORDS = (
    "--strategy", "s2", "--weights", "random", "--epochs", 1, "--image-size", stripes.SIZE,
)  # fmt: skip


@pytest.mark.parametrize(
    ("backbone", "program"),
    [
        ("tiny_vgg", (*processes.PROGRAM, "train")),
        pytest.param("vgg16", ("run.py",), marks=pytest.mark.full),
    ],
)
def test_surroundings_change_nothing(tmp_path, backbone, program):
    """One core has as many threads as all; with one alone this run's model would differ."""
    data, runs = stripes.write(tmp_path / "patches.npz"), []
    one = sorted(os.sched_getaffinity(0))[:1]
    for number, (env, allowed) in enumerate(zip(SURROUNDINGS, (one, ALLOWED), strict=True)):
        output = tmp_path / f"run{number}"
        only = ("taskset", "-c", ",".join(map(str, allowed)))
        given = ("--backbone", backbone, "--data", data, "--output", output)
        words = processes.command(*WORDS, *given, program=program)
        done = subprocess.run(
            [*only, *words], cwd=processes.ROOT, env=USERS | env, check=True, capture_output=True,
            text=True,
        )  # fmt: skip
        assert f"Report   {output / 'report.html'}" in done.stdout
        assert ("threads on 1 core" in done.stdout) == (len(allowed) < len(ALLOWED))
        found = json.loads((output / "results.json").read_text())
        losses = [(row["train_loss"], row["val_loss"]) for row in found["history"]]
        figures = [found[key] for key in ("best", "test", "localization", "model")]
        arrays = [np.asarray(a).tobytes() for a in jax.tree.leaves(jaxcbis.load(output).model)]
        runs.append((losses, figures, (output / "predictions.csv").read_bytes(), arrays))
    assert runs[0] == runs[1]


@pytest.mark.parametrize(("users", "expected"), [({}, "3"), ({"NPROC": "2"}, "2")])
def test_a_resumed_run_takes_the_threads_that_it_began_with(users, expected):
    threads = claim.threads_of({"environment": {"threads": 3}})
    changes = backend.environment_of_start(users, threads, deterministic=False, share=None)
    assert changes["NPROC"] == expected


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reproducible") / "release"
    phantom.write_release(folder, patients=(2, 1))
    return folder


@pytest.mark.parametrize("protocol", ["paper", "clean"])
def test_the_order_of_files_on_disk_changes_nothing(release, tmp_path, monkeypatch, protocol):
    def bytes_of(folder):
        return {
            path.relative_to(folder): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    prepare(release, data_dir=tmp_path / "as_listed", protocol=protocol)
    turned = []

    class Listed(list):
        """What is scanned may be closed."""

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    def reverse(function):
        def listed(*words):
            turned.append(function)
            return Listed(sorted(function(*words), key=lambda e: getattr(e, "name", e))[::-1])

        return listed

    with monkeypatch.context() as patched:
        for name in ("listdir", "scandir"):  # behind all of pathlib's listings
            patched.setattr(os, name, reverse(getattr(os, name)))
        prepare(release, data_dir=tmp_path / "turned", protocol=protocol)
    assert turned
    assert bytes_of(tmp_path / "as_listed") == bytes_of(tmp_path / "turned")
