"""Marks on a release's mammograms, scored by the lesions' masks."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.text import Text

from jaxcbis.commands.main import main
from jaxcbis.data import summary
from jaxcbis.detection import curve, films, overlay, scoring
from jaxcbis.detection.films import Film
from jaxcbis.detection.froc import RATES
from jaxcbis.detection.sweep import Mark, Sweep
from tests import tiny_run
from tests.tfds_cbis.toy_release import ToyRelease, film, mask
from tfds_cbis.release import images
from tfds_cbis.release.depth import Picture

BOTH = ("mass", "calcification")


def test_marks_in_a_lesion_that_is_no_target_do_not_count():
    lesion, other = mask((60, 60), 0, 0, 20, 20), mask((60, 60), 30, 30, 50, 50)
    boxes = [(2, 2, 18, 18), (32, 32, 48, 48), (2, 40, 18, 56)]
    marks = [Mark(box, 0.5 + i / 10, np.zeros(5)) for i, box in enumerate(boxes)]
    scores, found = scoring.judge(marks, [lesion], [other])
    np.testing.assert_allclose(scores, [0.5, 0.7])
    np.testing.assert_array_equal(found, [[True], [False]])


def test_brightness_is_the_mean_of_a_box():
    image = film(40, 30)
    boxes = np.array([[[0, 0, 30, 40], [3, 5, 10, 9]]])
    expected = [[image.mean(), image[5:9, 3:10].mean()]]
    np.testing.assert_allclose(scoring.brightness(image, boxes), expected)


def test_chance_finds_the_lesion_as_often_as_its_window_is_drawn_highest():
    """Three windows apart, one in the lesion: the model ranks it second, brightness first."""
    boxes = np.array([[[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]]], np.int32)
    suspicion = np.array([[0.9, 0.5, 0.1]])
    probabilities = np.zeros((1, 3, 5))
    probabilities[..., 0], probabilities[..., 1] = 1 - suspicion, suspicion
    pixels = mask((10, 50), 20, 0, 30, 10)
    lesion = Film(pixels, [mask((10, 50), 22, 2, 28, 8)], [])
    scored = scoring.score(lesion, Sweep(probabilities, boxes), np.random.default_rng(5))
    found = scoring.figures([scored], ["P_00001"])
    drawn = np.random.default_rng(5).random((scoring.DRAWS, 3))
    ahead = (drawn > drawn[:, 1:2]).sum(1)  # false positives in front of the lesion
    for rate in RATES:
        at = {name: found[name]["sensitivity_at"][str(rate)] for name in curve.NAMES}
        assert at["model"] == (rate >= 1)
        assert at["brightness"] == 1
        assert at["chance"] == pytest.approx((ahead <= rate).mean())


def test_none_or_all_found_is_no_certainty():
    """13 lesions of 13 patients: none is found at any rate, or all at all rates."""
    for hit in (False, True):
        marks = scoring.Scored(np.array([0.5]), np.array([[hit]]))
        found = scoring.figures([[marks] * 3] * 13, [f"P_{i}" for i in range(13)])["model"]
        away = 1 - 0.025 ** (1 / 13)  # of Clopper and Pearson
        for rate in map(str, RATES):
            assert found["sensitivity_at"][rate] == hit
            expected = [1 - away, 1] if hit else [0, away]
            assert found["sensitivity_at_ci95"][rate] == pytest.approx(expected)


def test_none_found_has_one_interval_wherever_the_threshold_falls():
    """Without the first image, which a resample may lack, all lesions are found."""
    hit = scoring.Scored(np.array([0.5]), np.array([[True]]))
    first = scoring.Scored(np.array([0.9, 0.8, 0.5]), np.array([[False], [False], [True]]))
    marks = [[one] * 3 for one in (first, *[hit] * 12)]
    found = scoring.figures(marks, [f"P_{i}" for i in range(13)])["model"]
    assert found["sensitivity_at"]["0.125"] == 0
    assert found["sensitivity_at_ci95"]["0.125"] == pytest.approx([0, 1 - 0.025 ** (1 / 13)])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tiny_run.write(tmp_path_factory.mktemp("scoring") / "run", lesion_side=16.0)


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


def test_an_archive_is_closed(release, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "archive"), "zip", release)
    with films.with_targets(Path(archive)) as (opened, views):
        assert len(views) == 3
    with pytest.raises(OSError, match="already closed"):
        opened.read(opened.files(views[0].image_uid)[0])


def test_what_was_assumed_of_films_is_told(release, monkeypatch):
    decoded = images.decode
    monkeypatch.setattr(images, "JPEG", b"none")
    monkeypatch.setattr(images, "decode_copy", lambda data: Picture(decoded(data), ["odd 12"]))
    with films.with_targets(release) as (opened, views):
        notes = [films.read(opened, view, BOTH).notes for view in views[:2]]
    assert notes == [["odd 12"]] * 2
    told = summary.assumptions([{"id": "a", "reason": "odd 12"}, {"id": "b", "reason": "odd 9"}])
    assert told == ["2 mammograms read with a note, the first a: odd 12"]


def test_the_command(run, release, tmp_path, capsys):
    output = tmp_path / "froc"
    words = ("froc", "--data", release, "--run", run, "--output", output)
    assert main([*map(str, words)]) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    found = json.loads((output / "froc.json").read_text())
    for name in ("model", "brightness"):
        assert (found[name]["images"], found[name]["lesions"]) == (2, 2)
    assert [item["id"] for item in found["dropped"]] == ["Mass-Test_P_00003_LEFT_CC"]
    assert "left out Mass-Test_P_00003_LEFT_CC: " in said
    assert found["window"] == 16
    assert "Sensitivity to 2 lesions in 2 mammograms of 2 patients; 95 %" in said
    assert found["patients"] == 2
    for name in ("model", "brightness"):
        for rate, (low, high) in found[name]["sensitivity_at_ci95"].items():
            assert 0 <= low <= found[name]["sensitivity_at"][rate] <= high <= 1
    value = found["model"]["sensitivity_at"]["8"]
    low, high = found["model"]["sensitivity_at_ci95"]["8"]
    (row,) = (line for line in said.splitlines() if line.strip().startswith("8 "))
    assert f"{round(2 * value)} of 2" in row
    assert f"{value:.2f} ({low:.2f} to {high:.2f})" in row
    assert set(found["chance"]) == {"sensitivity_at"}
    assert {file.name for file in output.iterdir()} == {
        "froc.json", "froc.png", "Mass-Test_P_00001_LEFT_CC-sweep.png",
        "Mass-Test_P_00002_LEFT_CC-sweep.png",
    }  # fmt: skip
    figure = cv2.imread(str(output / "froc.png"))
    for colour in ((0xB2, 0x72, 0x00), (0x00, 0x5E, 0xD5)):  # the model's line and brightness's
        assert (figure == colour).all(-1).any()
    plot = curve.draw(found, json.loads((run / "results.json").read_text()))
    told = " ".join(" ".join(text.get_text() for text in plot.findobj(Text)).split())
    for words in ("tiny s2, paper protocol, from ", "DEMO DATA", "Not a medical device"):
        assert words in told


def twice(tmp_path, *, mask_of_other=True):
    """A release whose one view lies in the mass files, and again in the calcification files."""
    toy, place = ToyRelease(tmp_path / "twice"), (80, 60)
    for kind, box in {"mass": (4, 4, 20, 20), "calc": (30, 50, 46, 66)}.items():
        files = {"image/1.jpg": film(*place)}
        if kind == "mass" or mask_of_other:
            files["mask/1.jpg"] = mask(place, *box)
        toy.add(pathology="MALIGNANT", kind=kind, split="test", files=files)
    return toy.write()


def counted(release, kinds, boxes):
    """By view: which marks of these count, and what they find."""
    marks = [Mark(box, 1.0 - i / 10, np.zeros(5)) for i, box in enumerate(boxes)]
    found = {}
    with films.with_targets(release) as (opened, views):
        for view in views:
            read = films.read(opened, view, kinds)
            scores, hit = scoring.judge(marks, read.masks, read.ignored)
            found[view.id] = (scores.tolist(), hit.tolist())
    return found


IN_MASS, IN_CALC, NOWHERE = (4, 4, 20, 20), (30, 50, 46, 66), (40, 4, 56, 20)


def test_a_lesion_of_the_other_series_is_found_on_its_own_alone(tmp_path):
    found = counted(twice(tmp_path), BOTH, (IN_MASS, IN_CALC, NOWHERE))
    assert found == {
        "Mass-Test_P_00001_LEFT_CC": ([1.0, 0.8], [[True], [False]]),
        "Calc-Test_P_00001_LEFT_CC": ([0.9, 0.8], [[True], [False]]),
    }


def test_a_view_with_a_lesion_at_an_unknown_place_is_left_out(tmp_path):
    release = twice(tmp_path, mask_of_other=False)
    with films.with_targets(release) as (opened, views):
        (view,) = (view for view in views if view.id.startswith("Mass"))
        with pytest.raises(films.Unusable, match=r"where Calc-Test_\S+_1 lies in it is not known"):
            films.read(opened, view, BOTH)


def test_lesions_of_a_kind_that_the_run_has_not_learned_count_neither_way(tmp_path):
    found = counted(twice(tmp_path), {"mass"}, (IN_MASS, IN_CALC, NOWHERE))
    assert found["Mass-Test_P_00001_LEFT_CC"] == ([1.0, 0.8], [[True], [False]])
    assert found["Calc-Test_P_00001_LEFT_CC"] == ([0.8], [[]])


@pytest.fixture
def undrawn(monkeypatch):
    """Drawing takes most of a small sweep's time."""
    monkeypatch.setattr(overlay, "write", lambda *_: None)


def of_masses_only(run, folder):
    """The run, as if it had been trained without calcifications."""
    shutil.copytree(run, folder)
    results = json.loads((folder / "results.json").read_text())
    for label in ("BENIGN_Calc", "MALIGNANT_Calc"):
        results["data"]["splits"]["train"]["per_class"][label] = 0
    (folder / "results.json").write_text(json.dumps(results))
    return folder


@pytest.mark.usefixtures("undrawn")
def test_a_view_without_a_lesion_of_the_runs_kinds_is_not_swept(run, tmp_path, capsys):
    run = of_masses_only(run, tmp_path / "run")
    assert films.kinds(json.loads((run / "results.json").read_text())) == {"mass"}
    output = tmp_path / "froc"
    words = ("froc", "--data", twice(tmp_path), "--run", run, "--output", output)
    assert main([*map(str, words)]) == 0, capsys.readouterr().err
    found = json.loads((output / "froc.json").read_text())
    assert (found["model"]["images"], found["model"]["lesions"], found["patients"]) == (1, 1, 1)
    assert set(found["model"]["sensitivity_at_ci95"].values()) == {None}  # of a single patient
    note = (
        "the run has not learned any calcification: lesions of that kind (1) count neither way, "
        "mammograms with no other (1) are left out"
    )
    assert note in found["notes"]
    assert note in capsys.readouterr().out


@pytest.mark.usefixtures("undrawn")
def test_a_mammogram_smaller_than_a_window_does_not_keep_the_others(run, tmp_path, capsys):
    toy = ToyRelease(tmp_path / "release")
    for patient, place in {"P_00001": (80, 60), "P_00002": (12, 10)}.items():
        toy.add(
            split="test", patient=patient,
            files={"image/1.jpg": film(*place), "mask/1.jpg": mask(place, 2, 2, 7, 7)},
        )  # fmt: skip
    output = tmp_path / "froc"
    words = ("froc", "--data", toy.write(), "--run", run, "--output", output)
    assert main([*map(str, words)]) == 0, capsys.readouterr().err
    found = json.loads((output / "froc.json").read_text())
    assert found["model"]["images"] == 1
    (left,) = found["dropped"]
    assert left["id"] == "Mass-Test_P_00002_LEFT_CC"
    assert "10 x 12 pixels, less than a window of 16" in left["reason"]
