"""Every file is whole or not there, whatever happens while it is written."""

import os
import shutil
import signal
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure

from jaxcbis.audit import pages
from jaxcbis.data import exported, patches
from jaxcbis.data.patches import Dataset
from jaxcbis.errors import UserError
from jaxcbis.machine import files
from jaxcbis.models.model import Architecture, Model
from jaxcbis.records import history, predictions, results
from jaxcbis.records.predictions import Predictions
from jaxcbis.report import tensorboard
from jaxcbis.report.figures import examples, of_run, overlay, saving
from jaxcbis.report.page import document, gallery
from jaxcbis.study import tables as study_tables
from jaxcbis.training import checkpoints, kept_activations
from tests import full_disk
from tests.report import made_run
from tests.report.example_run import results as example
from tests.study.made import record as study_record

COUNT, SIZE = 12, 32


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished run, and what it was made of."""
    return made_run.write(tmp_path_factory.mktemp("made") / "run", count=COUNT, size=SIZE)


@pytest.fixture(scope="module")
def patchwork():
    return made_run.make_patches(np.random.default_rng(0), COUNT, SIZE)


def test_a_file_takes_the_place_of_the_one_before(tmp_path):
    path = tmp_path / "file"
    for text in ("é\n", "b"):
        files.write(path, text)
        assert path.read_bytes() == text.encode()
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_ends_a_write_keeps_the_file_before(tmp_path, error):
    path = tmp_path / "file"
    files.write(path, b"before")

    def fail():
        with files.replacing(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["file"]


def test_a_kill_keeps_the_file_before_and_its_leftover_is_overwritten(tmp_path):
    path = tmp_path / "file"
    files.write(path, b"before")
    script = (
        "import os, signal, sys; from jaxcbis.machine import files\n"
        "with files.replacing(sys.argv[1]) as file:\n"
        "    file.write(b'half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", script, path]).returncode == -signal.SIGKILL
    assert path.read_bytes() == b"before"
    assert (tmp_path / ".file.partial").read_bytes() == b"half"
    files.write(path, b"after")
    assert path.read_bytes() == b"after"
    assert os.listdir(tmp_path) == ["file"]


def test_links_and_pipes_stay_what_they_are(tmp_path):
    files.write(tmp_path / "file", b"before")
    (tmp_path / "link").symlink_to("file")
    files.write(tmp_path / "link", b"after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"after"
    read, write = os.pipe()
    files.write(f"/dev/fd/{write}", b"through")
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        assert pipe.read() == b"through"


def test_a_folder_in_the_way_is_a_users_error(tmp_path):
    with pytest.raises(UserError, match="Is a directory; free space"):
        files.write(tmp_path, b"")


def _logged(folder):
    with tensorboard.logger(folder / "log") as log:
        for row in example()["history"] * 20:
            log(row)


def _drawn(folder):
    overlay.write(folder / "map.png", np.zeros((9, 9), np.uint8), np.zeros((9, 9)))


def _answers(made):
    return Predictions(made.ids, made.patients, made.labels, np.eye(5)[made.labels], np.ones(COUNT))


WEIGHTS = {"a": jnp.arange(300_000.0)}
#: Everything that writes, given a run's folder and its patches.
WRITERS = {
    "results": lambda run, _: results.write(run / "results.json", example()),
    "predictions": lambda run, made: predictions.write(run / "predictions.csv", _answers(made)),
    "history": lambda run, _: history.write(run / "history.csv", example()["history"]),
    "figures": lambda run, _: of_run.write(run, example() | {"test": None, "localization": None}),
    "overlay": lambda run, _: _drawn(run),
    "plot": lambda run, _: saving.png(run / "plot.png", Figure()),
    "gallery": lambda run, made: gallery.write(run, made, made.masks.astype(np.float32)),
    "examples": lambda run, made: examples.write(
        run, made, made.masks.astype(np.float32), _answers(made), "made up"
    ),
    "report": lambda run, _: document.write(run),
    "log": lambda run, _: _logged(run),
    "pictures": lambda run, _: tensorboard.add_pictures(run),
    "study": lambda run, _: study_tables.write(run, *study_record()),
    "audit": lambda run, _: pages.markdown(
        run / "audit.md",
        {key: [] for key in ("rows", "baselines", "faithfulness", "randomization", "notes")},
    ),
    "npz": lambda run, made: exported.save(
        run / "p.npz", Dataset(dict.fromkeys(patches.SPLITS, made), "", "", []), "paper"
    ),
    "checkpoint": lambda run, _: checkpoints.save(
        checkpoints.open_manager(run / "checkpoints"), WEIGHTS, {}
    ),
    "model": lambda run, _: checkpoints.save_model(
        run / "checkpoints", Model(Architecture("some", (), (), None, {}), WEIGHTS, {})
    ),
    "activations": lambda run, _: kept_activations._file((100_000,), np.dtype(float), run),
}


@pytest.fixture
def disk(tmp_path):
    with full_disk.disk(tmp_path / "disk", megabytes=16) as folder:
        yield folder


def _contents(run):
    return {
        path.relative_to(run): path.read_bytes()
        for path in run.rglob("*")
        if path.is_file() and "tfevents" not in path.name  # logs grow line by line
    }


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_gets_one_line_and_breaks_no_file(name, made, patchwork, disk, capfd):
    run = disk / name
    shutil.copytree(made, run)
    (run / "checkpoints").mkdir()
    before = _contents(run)
    filler = full_disk.fill(disk)
    with pytest.raises(UserError, match="No space left on device") as raised:
        WRITERS[name](run, patchwork)
    assert "\n" not in str(raised.value)
    assert str(disk) in str(raised.value)
    assert "free" in str(raised.value)
    assert _contents(run) == before
    filler.unlink()
    WRITERS[name](run, patchwork)
    assert not list(run.rglob("*.partial"))
    assert not list(run.rglob("*tmp*"))
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("name", WRITERS)
def test_a_folder_that_cannot_be_written_gets_one_line(name, made, patchwork, disk, capfd):
    run = disk / name
    shutil.copytree(made, run)
    (run / "checkpoints").mkdir()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    try:
        with pytest.raises(UserError, match="Read-only file system") as raised:
            WRITERS[name](run, patchwork)
    finally:
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    assert "\n" not in str(raised.value)
    assert "Traceback" not in capfd.readouterr().err
