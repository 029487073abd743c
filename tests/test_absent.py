"""What runs, and what is said, where only the packages for a training from an .npz are installed.

Here the others are hidden; in an environment that never had them the same tests run as they are.
"""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from jaxcbis.data import patches
from jaxcbis.data.exported import save
from jaxcbis.data.patches import Dataset, Patches
from jaxcbis.labels import LABELS
from tests.absent import NOT_NEEDED, environment
from tests.runs.test_run import refused, results, run

ABSENT = environment()
SIZE = 32
OPTIONS = ("--backbone", "resnet34", "--image-size", SIZE, "--epochs", 1)
PROGRAM = ("-m", "jaxcbis")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("absent")


@pytest.fixture(scope="module")
def exported(folder):
    """Striped patches, as `prepare --export` writes them."""
    rng = np.random.default_rng(0)

    def part(name, count):
        labels = np.arange(count, dtype=np.int32) % len(LABELS)
        waves = np.sin(np.arange(SIZE) * (labels[:, None] + 1) / 4)[:, None]
        images = 120 + 60 * waves + rng.normal(0, 10, (count, SIZE, SIZE))
        masks = np.zeros((count, SIZE, SIZE), bool)
        masks[labels > 0, 8:24, 8:24] = True
        ids = np.array([f"{name}_{i}" for i in range(count)])
        sizes = np.full((count, 2), SIZE, np.int32)
        return Patches(images.clip(0, 255).astype(np.uint8), masks, labels, ids, ids, sizes)

    splits = {name: part(name, n) for name, n in zip(patches.SPLITS, (40, 10, 20), strict=True)}
    save(folder / "patches.npz", Dataset(splits, "stripes", "stripes", []), "paper")
    return folder / "patches.npz"


@pytest.fixture(scope="module")
def weights(folder):
    """A file of a ResNet34 with torchvision's names."""
    rng, arrays = np.random.default_rng(0), {}

    def add(convolution, norm, outputs, inputs, size):
        kernel = rng.normal(0, (2 / (inputs * size**2)) ** 0.5, (outputs, inputs, size, size))
        arrays[f"{convolution}.weight"] = kernel
        for name in ("weight", "running_var"):
            arrays[f"{norm}.{name}"] = rng.uniform(0.5, 0.9, outputs)
        for name in ("bias", "running_mean"):
            arrays[f"{norm}.{name}"] = rng.normal(0, 0.1, outputs)

    add("conv1", "bn1", 64, 3, 7)
    inputs = 64
    for layer, (outputs, depth) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), start=1):
        for block in (f"layer{layer}.{number}" for number in range(depth)):
            if inputs != outputs:
                add(f"{block}.downsample.0", f"{block}.downsample.1", outputs, inputs, 1)
            add(f"{block}.conv1", f"{block}.bn1", outputs, inputs, 3)
            add(f"{block}.conv2", f"{block}.bn2", outputs, outputs, 3)
            inputs = outputs
    file = folder / "weights.safetensors"
    save_file({name: array.astype(np.float32) for name, array in arrays.items()}, file)
    return file


@pytest.fixture(scope="module")
def trained(folder, exported, weights):
    """A finished run, and what it printed."""
    words = ("--data", exported, "--weights", weights, *OPTIONS, "--output", folder / "run")
    return folder / "run", run(*words, env=ABSENT).stdout


@pytest.mark.parametrize("module", NOT_NEEDED.values())
def test_the_packages_are_not_to_be_had(module):
    code = f"import {module}"
    done = subprocess.run([sys.executable, "-c", code], env=ABSENT, capture_output=True, text=True)
    assert f"No module named '{module}'" in done.stderr


def test_a_training_finishes_and_says_that_it_keeps_no_log(trained):
    folder, said = trained
    found = results(folder)
    assert found["status"] == "finished"
    assert found["weights"]["format"] == "torchvision-safetensors"
    for text in (said, *(note for note in found["notes"] if "TensorBoard" in note)):
        assert "tensorboardX is not installed (pip install tensorboardX)" in text
    assert sum("TensorBoard" in note for note in found["notes"]) == 1
    assert not (folder / "tensorboard").exists()
    assert (folder / "report.html").stat().st_size > 0


def test_a_finished_run_is_read_back(trained, folder):
    finished, _ = trained
    Image.fromarray(np.arange(0, 256, 4, np.uint8).repeat(64).reshape(64, 64)).save(
        folder / "patch.png"
    )
    words = ("--run", finished, "--output", folder)
    assert (
        "BACKGROUND"
        in run("explain", folder / "patch.png", *words, program=PROGRAM, env=ABSENT).stdout
    )
    assert "report.html" in run("report", finished, program=PROGRAM, env=ABSENT).stdout
    run("export", finished, "--output", folder / "model", program=PROGRAM, env=ABSENT)
    assert (folder / "model").stat().st_size > 0


def test_a_study_is_done(folder, exported):
    script = (
        "import sys; from jaxcbis import cli, study; study.BATCH_SIZES = (20,); "
        "sys.exit(cli.main(sys.argv[1:]))"
    )
    done = run(
        "study", "--data", exported, "--weights", "random", "--backbones", "resnet34",
        "--strategies", "s2", "--image-size", SIZE, "--epochs", 1, "--output", folder / "study",
        program=("-c", script), env=ABSENT,
    )  # fmt: skip
    assert done.stdout.count("tensorboardX is not installed") == 1
    assert (folder / "study" / "report.html").stat().st_size > 0


def test_rows_are_measured():
    said = run(
        "--models", "resnet34", "--rows", "forward", "gradcam", "--image-size", SIZE,
        "--batch", 2, "--repetitions", 2, "--device", "cpu", program=("-m", "benchmarks"),
        env=ABSENT,
    ).stdout  # fmt: skip
    assert "forward" in said
    assert "gradcam" in said


def test_what_needs_a_missing_package_is_one_line(trained, folder, exported):
    output = ("--output", folder / "refused")
    dicom = folder / "patch.dcm"
    dicom.write_bytes(bytes(128) + b"DICM")
    finished, _ = trained
    tfds = "pip install tensorflow-datasets array_record importlib_resources"
    for words, advice in (
        (("train", *output), f"{tfds}, or give --data FILE.npz from prepare --export"),
        (("prepare", "--data", folder), tfds),
        (("froc", "--data", folder, "--run", finished, *output), "no case-description CSV"),
        (("train", "--data", exported, *OPTIONS, *output), "pip install huggingface_hub"),
        (("explain", dicom, "--run", finished, *output), "pip install pydicom"),
    ):
        assert advice in refused(*words, program=PROGRAM, env=ABSENT)
