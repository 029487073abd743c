"""The releases that `benchmarks preparing` makes, and what it says of them."""

import json
import sys

import pytest

import tfds_cbis
from benchmarks.__main__ import main
from benchmarks.scaling import preparing
from tfds_cbis.release import phantom
from tfds_cbis.release.files import Release


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("preparing") / "release"
    phantom.write_release(folder, patients=(1, 1))
    return folder


def test_copies_are_patients_of_their_own_with_the_same_images(release, tmp_path):
    mammograms = preparing.copy(release, tmp_path / "copies", 3)
    one, three = (Release(folder).lesions() for folder in (release, tmp_path / "copies"))
    assert three[1] == one[1]
    assert len(three[0]) == 3 * len(one[0])
    assert len({x.patient_id for x in three[0]}) == 3 * len({x.patient_id for x in one[0]})
    assert (
        mammograms == len({x.image_uid for x in three[0]}) == 3 * len({x.image_uid for x in one[0]})
    )
    patches = []
    for folder in (release, tmp_path / "copies"):
        builder = tfds_cbis.prepare(folder, data_dir=tmp_path / folder.name, background_size=48)
        sources = map(builder.as_data_source, ("train", "test"))
        patches.append([sum(patch["label"] > 0 for patch in source) for source in sources])
    assert patches[1] == [3 * count for count in patches[0]]


#: Takes the place of Python: holds 40 MiB, and with Beam's options starts one that holds 80.
STAND_IN = f"""#!{sys.executable}
import subprocess, sys, time
if "--beam" in sys.argv:
    code = "import time; kept = b'x' * (80 << 20); time.sleep(0.5)"
    child = subprocess.Popen([{sys.executable!r}, "-c", code])
kept = b"x" * (40 << 20)
time.sleep(0.5)
assert sys.argv[1:5] == ["-m", "jaxcbis", "prepare", "--quiet"]
"""


def test_the_most_memory_of_each_process_is_told(release, tmp_path, python, capsys):
    output = tmp_path / "p.json"
    python(STAND_IN)
    words = ["preparing", "--data", str(release), "--copies", "2", "--output", str(output)]
    assert main(words) == 0
    assert "| mammograms | with |" in capsys.readouterr().out
    threads, beam = json.loads(output.read_text())["rows"]
    assert [(row["with"], row["worker_mib"] > 0) for row in (threads, beam)] == [
        ("threads", False), ("beam", True),
    ]  # fmt: skip
    python_itself = 15
    for found, held in (
        (threads["host_mib"], 40), (beam["host_mib"], 40), (beam["worker_mib"], 80),
    ):  # fmt: skip
        assert held < found < held + 2 * python_itself
    assert 0.5 < threads["seconds"] < 30
    python("#!/bin/sh\nexit 1\n")
    assert main(words) == 2
    assert "prepare --quiet" in capsys.readouterr().err


@pytest.mark.full
def test_the_command(release, tmp_path, capsys):
    output = tmp_path / "p.json"
    words = ["preparing", "--data", str(release), "--copies", "1", "--output", str(output)]
    assert main(words) == 0
    assert "| mammograms | with |" in capsys.readouterr().out
    threads, beam = json.loads(output.read_text())["rows"]
    assert (threads["with"], beam["with"]) == ("threads", "beam")
    assert threads["mammograms"] == beam["mammograms"] > 0
    assert threads["worker_mib"] == 0
    assert min(threads["host_mib"], beam["host_mib"], beam["worker_mib"]) > 50  # Python and NumPy


def test_what_is_no_release_is_one_line(tmp_path, capsys):
    assert main(["preparing", "--data", str(tmp_path)]) == 2
    assert "expected a folder with csv/ and jpeg/" in capsys.readouterr().err
