"""Marks on a release's mammograms, scored by the lesions' masks."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from jaxcbis.commands.main import main
from jaxcbis.data import summary
from jaxcbis.detection import films, scoring
from jaxcbis.detection.films import Film
from jaxcbis.detection.froc import RATES
from jaxcbis.detection.sweep import Mark, Sweep
from tests import tiny_run
from tests.tfds_cbis.toy_release import ToyRelease, film, mask
from tfds_cbis.release import images
from tfds_cbis.release.depth import Picture


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
    found = scoring.figures([scored])
    drawn = np.random.default_rng(5).random((scoring.DRAWS, 3))
    ahead = (drawn > drawn[:, 1:2]).sum(1)  # false positives in front of the lesion
    for rate in RATES:
        at = {name: found[name]["sensitivity_at"][str(rate)] for name in found}
        assert at["model"] == (rate >= 1)
        assert at["brightness"] == 1
        assert at["chance"] == pytest.approx((ahead <= rate).mean())


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
    monkeypatch.setattr(images, "PNG", b"\xff\xd8")
    monkeypatch.setattr(images, "decode_png", lambda data: Picture(decoded(data), ["odd 12"]))
    with films.with_targets(release) as (opened, views):
        notes = [films.read(opened, view).notes for view in views[:2]]
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
    assert "Sensitivity to 2 lesions in 2 mammograms" in said
    assert set(found["chance"]) == {"sensitivity_at"}
    assert {file.name for file in output.iterdir()} == {
        "froc.json", "froc.png", "Mass-Test_P_00001_LEFT_CC-sweep.png",
        "Mass-Test_P_00002_LEFT_CC-sweep.png",
    }  # fmt: skip
    curve = cv2.imread(str(output / "froc.png"))
    drawn = {tuple(colour) for colour in np.unique(curve.reshape(-1, 3), axis=0)}
    assert {(0xB2, 0x72, 0x00), (0x00, 0x5E, 0xD5)} <= drawn  # the model's line and brightness's
