"""A release of the real size, and many processes at once."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests import processes, tiny_run
from tfds_cbis.release import phantom

#: Rows of the four case-description files of CBIS-DDSM.
LESIONS = 3568
#: Patients of each lesion class that make so many rows.
PATIENTS = (300, 120)
#: GiB; measured for 5,250 lesions: 1.1 to prepare, 1.8 to train.
MEMORY = 4

MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def measured(*words, program):
    """Runs a command; returns its most memory in GiB."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *processes.command(*words, program=program)],
        cwd=processes.ROOT, env=processes.ENVIRONMENT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1]) / 2**20


@pytest.mark.full
def test_a_release_of_the_real_size_fits_the_memory(tmp_path):
    release = tmp_path / "release"
    phantom.write_release(release, patients=PATIENTS)
    rows = 0
    for path in (release / "csv").glob("*case_description*"):
        with path.open(newline="") as file:
            rows += sum(1 for _ in csv.DictReader(file))
    assert rows >= LESIONS
    words = ("--data", release, "--data-dir", tmp_path / "tfds")
    words += ("--background-size", phantom.DEMO_BACKGROUND_SIZE)
    prepared = measured("prepare", *words, program=("-m", "jaxcbis"))
    trained = measured(
        *words, "--backbone", "resnet34", "--strategy", "s2", "--weights", "random",
        "--image-size", 32, "--epochs", 1, "--output", tmp_path / "run",
        program=("run.py",),
    )  # fmt: skip
    print(f"{rows} lesions: {prepared:.1f} GiB to prepare, {trained:.1f} GiB to train")
    found = json.loads((tmp_path / "run" / "results.json").read_text())
    assert found["timing"]["peak_memory_mb"] / 2**10 == pytest.approx(trained, rel=0.1)
    assert prepared < MEMORY
    assert trained < MEMORY


@pytest.mark.full
def test_explanations_at_once_agree_with_one(tmp_path):
    count = 16
    run = tiny_run.write(tmp_path / "run")
    patch = np.random.default_rng(0).integers(0, 255, (40, 50)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "patch.png"), patch)
    started = [
        processes.begin(
            "explain", tmp_path / "patch.png", "--run", run, "--output", tmp_path / f"out{n}",
            "--json", tmp_path / f"{n}.json", stderr=subprocess.PIPE,
        )
        for n in range(count)
    ]  # fmt: skip
    for process in started:
        errors = process.communicate()[1]
        assert process.returncode == 0, errors
    answers = [json.loads((tmp_path / f"{n}.json").read_text()) for n in range(count)]
    for answer in answers:
        for image in answer["images"]:
            image["cam"] = Path(image["cam"]).read_bytes()
    assert all(answer == answers[0] for answer in answers)
