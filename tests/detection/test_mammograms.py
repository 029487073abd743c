"""A finished run asked about whole mammograms, from Python and from the command line."""

import dataclasses
import json

import cv2
import numpy as np
import pytest
from PIL import Image

import jaxcbis
from jaxcbis.commands.main import main
from jaxcbis.errors import UserError
from tests import tiny_run
from tests.differences import assert_within
from tests.tfds_cbis.toy_release import film


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_run.write(tmp_path_factory.mktemp("mammograms") / "run", lesion_side=16.4)


@pytest.fixture(scope="module")
def run(folder):
    return jaxcbis.load(folder)


def test_a_sweep_equals_its_windows_cut_one_by_one(run):
    mammogram = np.random.default_rng(2).integers(0, 256, (40, 30)).astype(np.uint8)
    found = jaxcbis.sweep(run, mammogram)
    boxes = found.boxes.reshape(-1, 4)
    assert {(x1 - x0, y1 - y0) for x0, y0, x1, y1 in boxes.tolist()} == {(16, 16)}
    alone = [jaxcbis.predict(run, [mammogram[y0:y1, x0:x1]])[0] for x0, y0, x1, y1 in boxes]
    assert len(alone) == 35
    what = "a sweep's windows | the same crops one by one"
    assert_within(1e-5, found.probabilities.reshape(-1, 5), np.array(alone), what)


def test_a_run_that_does_not_know_its_crops_asks_for_the_window(run):
    older = dataclasses.replace(run, results=run.results | {"model": {}})
    mammogram = np.full((40, 30), 99, np.uint8)
    with pytest.raises(UserError, match="--window"):
        jaxcbis.sweep(older, mammogram)
    boxes = jaxcbis.sweep(older, mammogram, 20).boxes
    assert (boxes[0, 0].tolist(), boxes[-1, -1].tolist()) == ([0, 0, 20, 20], [10, 20, 30, 40])
    with pytest.raises(UserError, match="at least 8"):
        jaxcbis.sweep(run, mammogram, 3)


def test_a_mammogram_is_what_a_patch_may_be(run):
    mammogram = film(40, 30)
    expected = jaxcbis.sweep(run, mammogram).probabilities
    for same in (Image.fromarray(mammogram), mammogram / 255, np.stack([mammogram] * 3, axis=-1)):
        np.testing.assert_array_equal(jaxcbis.sweep(run, same).probabilities, expected)
    with pytest.raises(ValueError, match="expected a grey or RGB picture"):
        jaxcbis.sweep(run, np.zeros((2, 40, 30), np.uint8))


def test_the_command_tells_and_marks_the_best_windows(folder, run, tmp_path, capsys):
    path = tmp_path / "film.png"
    Image.fromarray(film(80, 60)).save(path)
    words = (
        "explain", path, "--run", folder, "--output", tmp_path, "--sweep", "--boxes", 3,
        "--json", tmp_path / "a.json",
    )  # fmt: skip
    assert main([*map(str, words)]) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    (answer,) = json.loads((tmp_path / "a.json").read_text())["images"]
    found = jaxcbis.sweep(run, jaxcbis.read_image(path))
    assert answer["windows"] == found.suspicion.size
    assert len(answer["boxes"]) == 3
    best = answer["boxes"][0]
    place = np.unravel_index(found.suspicion.argmax(), found.suspicion.shape)
    assert best["box"] == found.boxes[place].tolist()
    assert best["score"] == pytest.approx(found.suspicion.max(), abs=1e-5)
    assert best["score"] == pytest.approx(1 - best["probabilities"]["BACKGROUND"], abs=1e-5)
    assert f"{found.suspicion.size} windows of 16 x 16 pixels" in said
    picture = cv2.imread(str(tmp_path / "film-sweep.png"))
    assert (picture == (0x00, 0x5E, 0xD5)).all(-1).any()  # the colour of boxes


def test_bad_words_get_one_line(folder, tmp_path, refused_here):
    small = tmp_path / "film.png"
    Image.fromarray(film(12, 10)).save(small)
    words = ("explain", small, "--run", folder, "--sweep", "--output", tmp_path)
    assert "less than a window" in refused_here(*words)
    assert "--window 2" in refused_here(*words, "--window", 2)
    assert "--boxes 0" in refused_here(*words, "--boxes", 0)
    words = ("--data", tmp_path / "none", "--run", folder, "--output", tmp_path)
    assert "not exist" in refused_here("froc", *words)
