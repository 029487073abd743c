"""The command that asks a finished run about patches, and what it says of the run itself."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

import jaxcbis
from jaxcbis.commands.main import main
from jaxcbis.labels import LABELS
from jaxcbis.runs import explain, explain_patch
from tests import tiny_run


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
    said = asked(*words, "--raw", "--json", tmp_path / "a.json", capsys=capsys)
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


def test_a_picture_is_wide_enough_to_show(run, patch, tmp_path, capsys):
    asked("explain", patch, "--run", run, "--output", tmp_path, capsys=capsys)
    height, width, _ = cv2.imread(str(tmp_path / "patch-cam.png")).shape
    assert width >= 900
    assert height < width


def test_json_alone(run, patch, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = asked("explain", patch, "--run", run, "--json", "-", capsys=capsys)
    assert json.loads(said)["images"][0]["cam"] == "patch-cam.png"
    assert (tmp_path / "patch-cam.png").exists()


@pytest.mark.parametrize("count", [9, 10])
def test_few_test_patches_say_nothing_of_how_often_it_is_right(
    run, patch, tmp_path, capsys, monkeypatch, count
):
    row = {"low": 0.4, "high": 0.5, "n": count, "accuracy": 1.0, "ece": 0.1}
    monkeypatch.setattr(explain_patch, "calibration", lambda *_: row)
    words = ("explain", patch, "--run", run, "--output", tmp_path, "--raw")
    said = asked(*words, capsys=capsys)
    assert (f"of {count} test patches" in said) == (count >= 10)
    assert ("were right" in said) == (count >= 10)


def test_calibration_is_that_of_the_pass_without_labels():
    rows = [
        {"low": 0.4, "high": 0.6, "n": 9, "confidence": 0.5, "accuracy": 0.4},
        {"low": 0.8, "high": 1.0, "n": 2, "confidence": 0.9, "accuracy": 1.0},
    ]
    without = {"calibration": {"ece": 0.1, "bins": rows}}
    with_labels = {"calibration": {"ece": 0.0, "bins": []}}
    paper = {"test": with_labels, "test_without_label_normalization": without}
    assert explain_patch.calibration(paper, 0.6) == {"ece": 0.1} | rows[0]
    assert explain_patch.calibration(paper, 0.7) is None
    clean = {"test": without, "test_without_label_normalization": None}
    assert explain_patch.calibration(clean, 0.9) == {"ece": 0.1} | rows[1]


def test_classes_that_were_never_seen_are_named(run):
    results = json.loads((run / "results.json").read_text())
    results["data"]["splits"]["train"]["per_class"]["BENIGN_Calc"] = 0
    assert "has never seen a patch of BENIGN_Calc" in explain.cautions(results)


def test_bad_words_get_one_line(run, patch, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for words, said in {
        ("explain", tmp_path / "nowhere.png", "--run", run): "nowhere.png",
        ("explain", patch, "--run", tmp_path / "nowhere"): "results of a run",
        ("explain", patch): "--run",
        (
            "explain",
            patch,
            "--run",
            run,
            "--window",
            20,
        ): "--window 20: is for a sweep",
        ("explain", patch, "--run", run, "--boxes", 5): "add --sweep",
        ("explain", patch, "--run", run, "--raw", "--sweep"): "--raw: is for maps, not for sweeps",
        ("explain", patch, "--run", run, "--output", tmp_path / "file"): "cannot write",
        ("explain", patch, "--run", run, "--output", tmp_path, "--json", tmp_path): "--json",
        ("export", run, "--output", tmp_path / "file" / "model"): "cannot write",
    }.items():
        assert main([*map(str, words)]) == 2, words
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert said in line
