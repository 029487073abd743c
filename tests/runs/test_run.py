"""The program from the outside, as its user runs it, on demo data and a small model."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix

from jaxcbis.data import normalization, patches
from jaxcbis.evaluation import activation_maps
from jaxcbis.labels import LABELS
from jaxcbis.models import backbones
from jaxcbis.training import checkpoints

ROOT = Path(__file__).resolve().parents[2]
OFFLINE = os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
#: The smaller demo's 69 training patches are three batches, so that one size of them is compiled.
SMALL = (
    "--backbone", "resnet34", "--strategy", "s1", "--image-size", "32", "--epochs", "2",
    "--batch-size", "23",
)  # fmt: skip


def command(*words, program=("run.py",)):
    return [sys.executable, *program, *map(str, words)]


def run(*words, program=("run.py",), cwd=ROOT, env=OFFLINE, code=0):
    done = subprocess.run(
        command(*words, program=program), cwd=cwd, env=env, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    return done


def refused(*words, **options):
    """Runs what must fail as the user's fault; returns the one line that says why."""
    done = run(*words, code=2, **options)
    assert "Traceback" not in done.stderr + done.stdout
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def export(demo_dir, file):
    """Exports the demo set at 32 pixels."""
    done = run(
        "prepare", "--data-dir", demo_dir, "--image-size", 32, "--export", file,
        program=("-m", "jaxcbis"),
    )  # fmt: skip
    assert "DEMO DATA" in done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def exported(folder, demo_dir):
    """The demo patches at 32 pixels in one file."""
    file = folder / "patches.npz"
    export(demo_dir, file)
    return file


@pytest.fixture(scope="module")
def finished(folder, exported):
    """A finished run on the exported patches, and what it printed."""
    output = folder / "finished"
    done = run("--data", exported, "--weights", "random", *SMALL, "--output", output)
    return output, done.stdout


def results(output):
    return json.loads((output / "results.json").read_text())


def test_results_have_the_promised_keys(finished):
    found = results(finished[0])
    assert found["schema"] == 1
    assert found["status"] == "finished"
    assert {
        "config", "environment", "data", "weights", "history", "best", "test",
        "test_without_label_normalization", "localization", "timing", "notes",
    } <= found.keys()  # fmt: skip
    assert found["config"]["image_size"] == 32
    assert found["model"]["lesion_side"] > 8
    assert found["config"]["epochs"] == 2
    assert set(found["timing"]) == {
        "prepare_s", "compile_s", "train_s", "evaluate_s", "cam_s", "train_images_per_s",
        "cam_images_per_s", "peak_memory_mb",
    }  # fmt: skip
    assert [row["phase"] for row in found["prefix"]] == ["head", "layer4", "layer3"]


def test_everything_promised_is_in_the_folder(finished):
    output, _ = finished
    for name in ("results.json", "predictions.csv", "history.csv", "report.html"):
        assert (output / name).stat().st_size > 0
    for pattern in ("figures/*.png", "cams/*.png", "tensorboard/*", "checkpoints/model/*"):
        assert list(output.glob(pattern)), pattern


def test_predictions_agree_with_results(finished):
    output, _ = finished
    with (output / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    test = results(output)["test"]
    truth, predicted = ([row[key] for row in rows] for key in ("label", "predicted"))
    assert test["n"] == len(rows)
    assert test["accuracy"] == pytest.approx(accuracy_score(truth, predicted))
    matrix = confusion_matrix(truth, predicted, labels=LABELS)
    assert test["confusion"] == matrix.tolist()
    for row in rows:
        assert sum(float(row[label]) for label in LABELS) == pytest.approx(1, abs=1e-5)
        assert (row["iou"] == "") == (row["label"] == "BACKGROUND")
    ious = [float(r["iou"]) for r in rows if r["iou"] and r["label"] == r["predicted"]]
    ll_score = results(output)["localization"]["ll_score"]
    assert ll_score == pytest.approx(np.mean(ious), abs=1e-5)


def test_the_saved_model_is_the_one_that_was_tested(finished, exported):
    output, _ = finished
    dataset = patches.load(exported, 32, "paper")
    train, test = dataset.splits["train"], dataset.splits["test"]
    fresh = backbones.load("resnet34", weights="random")
    saved = checkpoints.load_model(output / "checkpoints", fresh.model)
    statistics = normalization.measure(train.images, train.labels)
    images = normalization.normalize(test.images, statistics, test.labels)
    got = activation_maps.softmax(activation_maps.logits(saved, images))
    with (output / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == list(test.ids)
    expected = [[float(row[label]) for label in LABELS] for row in rows]
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_demo_data_and_random_weights_are_said_everywhere(finished):
    output, printed = finished
    notes = " ".join(results(output)["notes"])
    for text in (printed, (output / "report.html").read_text()):
        assert "DEMO DATA" in text.upper()
        assert "RANDOM WEIGHTS" in text.upper()
    assert "demo data" in notes
    assert "random weights" in notes


def test_a_killed_run_resumes_to_the_same_bytes(finished, folder, exported, refused_here):
    output = folder / "killed"
    words = ("--data", exported, "--weights", "random", *SMALL, "--output", output)
    with subprocess.Popen(
        command(*words), cwd=ROOT, env=OFFLINE, stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout:
            if line.startswith("layer4") and "epoch   1" in line:
                process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert results(output)["status"] == "interrupted"
    assert "--resume" in refused_here("train", *words)
    assert "seed was 0, is 1" in refused_here("train", *words, "--resume", "--seed", 1)
    assert "Going on behind phase head" in run(*words, "--resume").stdout
    unbroken = finished[0]
    assert (output / "predictions.csv").read_bytes() == (unbroken / "predictions.csv").read_bytes()
    ours, theirs = results(output), results(unbroken)
    for key in ("test", "localization", "best"):
        assert ours[key] == theirs[key]


def test_two_processes_do_not_share_an_output(folder, exported):
    words = ("--data", exported, "--weights", "random", *SMALL, "--output", folder / "shared")
    with subprocess.Popen(
        command(*words), cwd=ROOT, env=OFFLINE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert next(line for line in process.stdout if "epoch" in line)
        assert "another process" in refused(*words, "--resume")
        process.kill()


def test_a_disk_without_room_gets_one_line(folder, exported):
    full = folder / "full"
    full.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", full]).returncode:
        pytest.skip("no right to mount a small file system")
    try:
        words = ("--data", exported, "--weights", "random", *SMALL, "--strategy", "s2")
        line = refused(*words, "--output", full / "run")
        assert "no room" in line
    finally:
        subprocess.run(["umount", full], check=True)


def test_a_terminal_without_unicode(finished, exported):
    words = ("--data", exported, "--weights", "random", *SMALL, "--output", finished[0])
    done = subprocess.run(
        command(*words, "--resume"), cwd=ROOT, env=OFFLINE | {"PYTHONIOENCODING": "ascii"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_finished_run_is_neither_overwritten_nor_repeated(finished, exported, refused_here):
    words = ("--data", exported, "--weights", "random", *SMALL, "--output", finished[0])
    before = (finished[0] / "results.json").stat().st_mtime_ns
    assert "finished run" in refused_here("train", *words)
    assert "nothing is left to resume" in run(*words, "--resume").stdout
    assert (finished[0] / "results.json").stat().st_mtime_ns == before


def test_an_export_trains_where_tfds_is_not_installed(folder, exported):
    script = (
        "import sys; sys.modules['tensorflow_datasets'] = None; "
        "from jaxcbis.commands.main import main; sys.exit(main(sys.argv[1:]))"
    )
    words = ("train", "--data", exported, "--weights", "random", *SMALL, "--strategy", "s2")
    run(*words, "--epochs", 1, "--output", folder / "without", program=("-c", script))
    line = refused("train", "--output", folder / "no-tfds", program=("-c", script))
    assert "prepare --export" in line


def test_real_data_without_weights_stop_and_name_the_ways_out(folder, shared_data):
    release = shared_data / "cbis_mass_lowres"
    line = refused(
        "--data", release, "--data-dir", folder / "real", "--background-size", 30,
        "--output", folder / "refused",
    )  # fmt: skip
    assert "--weights FILE" in line
    assert "--weights random" in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--data", "nowhere"], "nowhere"),
        (["--data", "nowhere.npz"], "nowhere.npz"),
        (["--epochs", "0"], "at least 1"),
        (["--epochs", "many"], "--epochs"),
        (["--image-size", "16"], "from 32 to 512"),
        (["--head-lr", "nan"], "--head-lr"),
        (["--backbone", "alexnet"], "resnet50"),
        (["--surprise"], "--surprise"),
        (["--weights", "nowhere.h5"], "nowhere.h5"),
    ],
)
def test_bad_words_get_one_line(words, said, exported, tmp_path, refused_here):
    given = ("--data", exported, "--image-size", 32, "--output", tmp_path / "run")
    assert said in refused_here("train", *given, *words)


def test_a_gpu_that_is_not_there_gets_one_line(exported, tmp_path):
    words = ("--data", exported, "--image-size", 32, "--device", "gpu")
    assert "no GPU" in refused(*words, "--output", tmp_path / "run")
