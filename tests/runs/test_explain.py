"""The commands that ask a finished run about images, as a user gives them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import jaxcbis
from jaxcbis.commands.main import main
from jaxcbis.detection import detection
from jaxcbis.labels import LABELS
from jaxcbis.runs import explain
from tests import tiny_run
from tests.tfds_cbis.toy_release import ToyRelease, film, mask

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tiny_run.write(tmp_path_factory.mktemp("explain") / "run", lesion_side=16.0)


@pytest.fixture
def patch(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (24, 18)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "patch.png")
    return tmp_path / "patch.png"


def asked(*words, capsys):
    """Runs a command that must succeed; returns what it printed."""
    assert main([*map(str, words)]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def test_a_patch(run, patch, tmp_path, capsys):
    words = ("explain", patch, "--run", run, "--output", tmp_path / "out")
    said = asked(*words, "--json", tmp_path / "a.json", capsys=capsys)
    found = json.loads((tmp_path / "a.json").read_text())
    (answer,) = found["images"]
    expected = jaxcbis.predict(jaxcbis.load(run), [jaxcbis.read_image(patch)])[0]
    got = [answer["probabilities"][label] for label in LABELS]
    np.testing.assert_allclose(got, expected, atol=1e-5)
    assert answer["predicted"] == LABELS[expected.argmax()]
    assert (answer["width"], answer["height"]) == (18, 24)
    picture = cv2.imread(str(tmp_path / "out" / "patch-cam.png"))
    assert picture.shape == (43, 32, 3)  # the shorter side as wide as the model's input
    assert f"{answer['predicted']:<15} {max(got):.3f}" in said
    for text in (said, " ".join(found["notes"])):
        assert "demo data" in text
        assert "random weights" in text
        assert "normalised as all of them together" in text
        assert "no medical device" in text


def test_json_alone(run, patch, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = asked("explain", patch, "--run", run, "--json", "-", capsys=capsys)
    assert json.loads(said)["images"][0]["cam"] == "patch-cam.png"
    assert (tmp_path / "patch-cam.png").exists()


def test_calibration_is_that_of_the_pass_without_labels():
    rows = [
        {"low": 0.4, "high": 0.6, "n": 9, "confidence": 0.5, "accuracy": 0.4},
        {"low": 0.8, "high": 1.0, "n": 2, "confidence": 0.9, "accuracy": 1.0},
    ]
    without = {"calibration": {"ece": 0.1, "bins": rows}}
    with_labels = {"calibration": {"ece": 0.0, "bins": []}}
    paper = {"test": with_labels, "test_without_label_normalization": without}
    assert explain.calibration(paper, 0.6) == {"ece": 0.1} | rows[0]
    assert explain.calibration(paper, 0.7) is None
    clean = {"test": without, "test_without_label_normalization": None}
    assert explain.calibration(clean, 0.9) == {"ece": 0.1} | rows[1]


def test_classes_that_were_never_seen_are_named(run):
    results = json.loads((run / "results.json").read_text())
    results["data"]["splits"]["train"]["per_class"]["BENIGN_Calc"] = 0
    assert "has never seen a patch of BENIGN_Calc" in explain.cautions(results)


def test_a_mammogram(run, tmp_path, capsys):
    Image.fromarray(film(80, 60)).save(tmp_path / "film.png")
    words = ("explain", tmp_path / "film.png", "--run", run, "--output", tmp_path, "--sweep")
    said = asked(*words, "--boxes", 3, "--json", tmp_path / "a.json", capsys=capsys)
    (answer,) = json.loads((tmp_path / "a.json").read_text())["images"]
    found = jaxcbis.sweep(jaxcbis.load(run), jaxcbis.read_image(tmp_path / "film.png"))
    assert answer["windows"] == found.suspicion.size
    assert len(answer["boxes"]) == 3
    best = answer["boxes"][0]
    assert best["score"] == pytest.approx(found.suspicion.max(), abs=1e-5)
    assert best["score"] == pytest.approx(1 - best["probabilities"]["BACKGROUND"], abs=1e-5)
    assert "16 x 16 pixels" in said
    assert cv2.imread(str(tmp_path / "film-sweep.png")).std() > 0


def test_images_of_one_name_get_a_picture_each(run, patch, tmp_path, capsys):
    (tmp_path / "b").mkdir()
    other = tmp_path / "b" / patch.name
    other.write_bytes(patch.read_bytes())
    asked("explain", patch, other, "--run", run, "--output", tmp_path, capsys=capsys)
    assert {p.name for p in tmp_path.glob("*-cam.png")} == {"patch-cam.png", "patch-2-cam.png"}
    original = tmp_path / "patch-cam.png"
    again = ("explain", patch, original, "--run", run, "--output", tmp_path)
    assert main([*map(str, again)]) == 2
    assert "would be overwritten" in capsys.readouterr().err


def test_bad_words_get_one_line(run, patch, tmp_path, capsys):
    Image.fromarray(film(12, 10)).save(tmp_path / "film.png")
    (tmp_path / "file").write_text("")
    small = tmp_path / "film.png"
    for words, said in {
        ("explain", tmp_path / "nowhere.png", "--run", run): "nowhere.png",
        ("explain", patch, "--run", tmp_path / "nowhere"): "results of a run",
        ("explain", patch): "--run",
        ("explain", patch, "--run", run, "--output", tmp_path / "file"): "cannot write",
        ("explain", patch, "--run", run, "--output", tmp_path, "--json", tmp_path): "--json",
        ("explain", small, "--run", run, "--sweep", "--output", tmp_path): "less than a window",
        ("explain", small, "--run", run, "--sweep", "--window", 2): "--window 2",
        ("explain", small, "--run", run, "--sweep", "--boxes", 0): "--boxes 0",
        ("froc", "--data", tmp_path / "none", "--run", run, "--output", tmp_path): "not exist",
        ("export", run, "--output", tmp_path / "no" / "folder"): "cannot write",
    }.items():
        assert main([*map(str, words)]) == 2, words
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert said in line


@pytest.fixture
def release(tmp_path):
    """Two test mammograms with three lesions, one of them without callback."""
    toy = ToyRelease(tmp_path / "release")
    place = (80, 60)
    for number, (pathology, box) in enumerate(
        {"MALIGNANT": (4, 4, 20, 20), "BENIGN_WITHOUT_CALLBACK": (30, 50, 46, 66)}.items(), 1
    ):
        toy.add(
            pathology=pathology, split="test", number=number, image_uid="both",
            files={"image/1.jpg": film(*place), "mask/1.jpg": mask(place, *box)},
        )  # fmt: skip
    toy.add(
        pathology="BENIGN", split="test", patient="P_00002",
        files={"image/1.jpg": film(*place, seed=1), "mask/1.jpg": mask(place, 20, 30, 40, 50)},
    )  # fmt: skip
    toy.add(
        pathology="BENIGN", split="test", patient="P_00003",
        files={"image/1.jpg": film(*place, seed=1)},
    )  # fmt: skip
    toy.add(files={"image/1.jpg": film(*place), "mask/1.jpg": mask(place, 4, 4, 20, 20)})
    return toy.write()


def test_free_response_figures(run, release, tmp_path, capsys):
    output = tmp_path / "froc"
    said = asked("froc", "--data", release, "--run", run, "--output", output, capsys=capsys)
    found = json.loads((output / "froc.json").read_text())
    assert (found["model"]["images"], found["model"]["lesions"]) == (2, 2)
    assert [item["id"] for item in found["dropped"]] == ["Mass-Test_P_00003_LEFT_CC"]
    assert found["window"] == 16
    assert "Sensitivity to 2 lesions in 2 mammograms" in said
    assert 0 <= found["chance"]["sensitivity_at"]["8"] <= 1
    assert found["brightness"]["lesions"] == 2
    assert len(list(output.glob("*-sweep.png"))) == 2
    assert (output / "froc.png").stat().st_size


def test_marks_in_a_lesion_that_is_no_target_do_not_count():
    lesion, other = mask((60, 60), 0, 0, 20, 20), mask((60, 60), 30, 30, 50, 50)
    boxes = [(2, 2, 18, 18), (32, 32, 48, 48), (2, 40, 18, 56)]
    marks = [detection.Mark(box, 0.5 + i / 10, np.zeros(5)) for i, box in enumerate(boxes)]
    scores, found = detection._scored(marks, [lesion], [other])
    np.testing.assert_allclose(scores, [0.5, 0.7])
    np.testing.assert_array_equal(found, [[True], [False]])


def test_brightness_is_the_mean_of_a_box():
    image = film(40, 30)
    boxes = np.array([[[0, 0, 30, 40], [3, 5, 10, 9]]])
    expected = [[image.mean(), image[5:9, 3:10].mean()]]
    np.testing.assert_allclose(detection._brightness(image, boxes), expected)


def test_the_command_line_as_a_process(run, patch, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "jaxcbis", "explain", patch, "--run", run, "--json", "-"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["images"]
