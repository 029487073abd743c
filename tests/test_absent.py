"""What runs, and what is said, where only the packages for a training from an .npz are installed.

Here the others are hidden; in an environment that never had them the same tests run as they are.
"""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

import tests.tiny  # noqa: F401 - registers its backbones
from jaxcbis.designs import BACKBONES
from tests import stripes
from tests.absent import NOT_NEEDED, environment

ROOT = Path(__file__).resolve().parent.parent
TINY = ("--backbone", "tiny", "--image-size", stripes.SIZE, "--epochs", 1)


class Told(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    error: str


def weights(file):
    """Writes a file of the tiny ResNet with torchvision's names."""
    rng, arrays = np.random.default_rng(0), {}

    def add(convolution, norm, outputs, inputs, size):
        kernel = rng.normal(0, (2 / (inputs * size**2)) ** 0.5, (outputs, inputs, size, size))
        arrays[f"{convolution}.weight"] = kernel
        for name in ("weight", "running_var"):
            arrays[f"{norm}.{name}"] = rng.uniform(0.5, 0.9, outputs)
        for name in ("bias", "running_mean"):
            arrays[f"{norm}.{name}"] = rng.normal(0, 0.1, outputs)

    design = BACKBONES["tiny"]
    add("conv1", "bn1", design.stem, 3, 7)
    inputs = design.stem
    stages = zip(design.widths, design.depths, strict=True)
    for layer, (outputs, depth) in enumerate(stages, start=1):
        for block in (f"layer{layer}.{number}" for number in range(depth)):
            if inputs != outputs:
                add(f"{block}.downsample.0", f"{block}.downsample.1", outputs, inputs, 1)
            add(f"{block}.conv1", f"{block}.bn1", outputs, inputs, 3)
            add(f"{block}.conv2", f"{block}.bn2", outputs, outputs, 3)
            inputs = outputs
    save_file({name: array.astype(np.float32) for name, array in arrays.items()}, file)
    return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("absent")


@pytest.fixture(scope="module")
def measuring(request):
    """Whether rows of the benchmarks are measured, which takes long."""
    return request.config.getoption("--full") or find_spec("torch") is None


@pytest.fixture(scope="module")
def told(folder, measuring):
    """What every command ends with, one after the other in one process without the packages."""
    data = stripes.write(folder / "patches.npz")
    Image.fromarray(np.arange(0, 256, 4, np.uint8).repeat(64).reshape(64, 64)).save(
        folder / "patch.png"
    )
    (folder / "patch.dcm").write_bytes(bytes(128) + b"DICM")
    run, refused = folder / "run", ("--output", folder / "refused")
    commands = {
        "train": (
            "train", "--data", data, "--weights", weights(folder / "weights.safetensors"), *TINY,
            "--output", run,
        ),
        "explain": ("explain", folder / "patch.png", "--run", run, "--output", folder),
        "report": ("report", run),
        "export": ("export", run, "--output", folder / "model"),
        "study": ("study", data, folder / "study"),
        "demo": ("train", *refused),
        "prepare": ("prepare", "--data", folder),
        "froc": ("froc", "--data", folder, "--run", run, *refused),
        "imagenet": (
            "train", "--data", data, "--backbone", "resnet34", "--image-size", stripes.SIZE,
            *refused,
        ),
        "dicom": ("explain", folder / "patch.dcm", "--run", run, *refused),
    }  # fmt: skip
    if measuring:
        commands["benchmarks"] = (
            "--models", "tiny", "--rows", "forward", "gradcam", "--image-size", stripes.SIZE,
            "--batch", 2, "--repetitions", 2, "--device", "cpu",
        )  # fmt: skip
    words = {name: [*map(str, of)] for name, of in commands.items()}
    done = subprocess.run(
        [sys.executable, "-m", "tests.absent.commands"], input=json.dumps(words), cwd=ROOT,
        env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {name: Told(*of) for name, of in json.loads(done.stdout.splitlines()[-1]).items()}


def ended(told, name):
    """What a command printed that must have succeeded."""
    assert told[name].code == 0, told[name].error
    return told[name].out


def test_the_packages_are_not_to_be_had(told):
    assert told["absent"].out.split() == list(NOT_NEEDED.values())


def test_a_training_finishes_and_says_that_it_keeps_no_log(told, folder):
    said = ended(told, "train")
    found = json.loads((folder / "run" / "results.json").read_text())
    assert found["status"] == "finished"
    assert found["weights"]["format"] == "torchvision-safetensors"
    (note,) = (note for note in found["notes"] if "TensorBoard" in note)
    for text in (said, note, (folder / "run" / "report.html").read_text()):
        assert "tensorboardX is not installed (pip install tensorboardX)" in text
    assert not (folder / "run" / "tensorboard").exists()


def test_a_finished_run_is_read_back(told, folder):
    assert "BACKGROUND" in ended(told, "explain")
    assert "report.html" in ended(told, "report")
    assert ended(told, "export").strip() == str(folder / "model")
    assert b"stablehlo" in (folder / "model").read_bytes().lower()


def test_a_study_is_done(told, folder):
    assert ended(told, "study").count("tensorboardX is not installed") == 1
    assert json.loads((folder / "study" / "study.json").read_text())["status"] == "finished"
    assert "tiny s2" in (folder / "study" / "report.html").read_text()


def test_rows_are_measured(told, measuring):
    if not measuring:
        pytest.skip("only with --full, or where PyTorch is not installed")
    said = ended(told, "benchmarks")
    assert "forward" in said
    assert "gradcam" in said


TFDS = "pip install tensorflow-datasets array_record importlib_resources"


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("demo", f"{TFDS}, or give --data FILE.npz from prepare --export"),
        ("prepare", TFDS),
        ("froc", "no case-description CSV"),
        ("imagenet", "pip install huggingface_hub"),
        ("dicom", "pip install pydicom"),
    ],
)
def test_what_needs_a_missing_package_is_one_line(told, name, advice):
    assert told[name].code == 2
    (line,) = told[name].error.strip().splitlines()
    assert advice in line
