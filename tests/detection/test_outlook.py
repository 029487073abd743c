"""What is said before a sweep: its windows, how long they take, and which would fit."""

import json

import numpy as np
import pytest
from PIL import Image

from jaxcbis.commands.main import main
from jaxcbis.detection import mammograms, outlook, overlay
from jaxcbis.errors import UserError
from jaxcbis.runs import finished
from jaxcbis.training.epoch_lines import duration
from tests import tiny_run
from tests.tfds_cbis.toy_release import film
from tfds_cbis.release import phantom_drawing


def results(*, side, protocol="paper", demo=False):
    return {
        "data": {"source": "demo" if demo else "release"},
        "config": {"protocol": protocol},
        "model": {"lesion_side": side},
    }


@pytest.mark.parametrize(
    ("run", "shape", "window"),
    [
        (results(side=48.0, demo=True), (4464, 2848), 487),
        (results(side=48.0, demo=True), (480, 352), None),
        (results(side=97.0, demo=True, protocol="shifted"), (4464, 2848), 984),
        (results(side=16.0), (256, 256), None),  # as the low resolution was cut
        (results(side=16.0), (4600, 2700), 276),
        (results(side=24.0, protocol="clean"), (256, 256), None),
        (results(side=24.0, protocol="clean"), (4600, 2700), 428),
        (results(side=34.0, protocol="shifted"), (4600, 2700), 612),
        (results(side=290.0), (4600, 2700), None),  # of the release's own resolution
        (results(side=290.0), (2700, 4600), None),  # lying on its side
        (results(side=290.0), (256, 200), 15),
        (results(side=290.0), (100, 80), None),  # too coarse for any
        (results(side=None), (4600, 2700), None),
    ],
)
def test_the_window_that_fits(run, shape, window):
    assert outlook.fitting_window(run, shape) == window


def test_phantoms_have_as_many_rows():
    rows = [
        len(phantom_drawing.mammogram(np.random.default_rng(i), side="LEFT", view="CC")[0])
        for i in range(8)
    ]
    assert min(rows) / outlook.OFF < outlook.PHANTOM_ROWS < max(rows) * outlook.OFF
    assert abs(np.mean(rows) - outlook.PHANTOM_ROWS) < 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_run.write(tmp_path_factory.mktemp("outlook") / "run", lesion_side=160.0)


def test_a_fine_mammogram_is_said_to_be_one_before_it_is_swept(
    folder, tmp_path, capsys, monkeypatch
):
    """Rows of 3 phantoms: windows of 160 pixels are a third of what they should be."""
    path = tmp_path / "film.png"
    Image.fromarray(film(1320, 500)).save(path)
    monkeypatch.setattr(outlook, "pace", lambda answer, side: 15.0)
    monkeypatch.setattr(outlook, "WORTH_TIMING", 1)
    monkeypatch.setattr(overlay, "write", lambda *_: None)
    words = ("explain", path, "--run", folder, "--output", tmp_path, "--sweep")
    assert main([*map(str, words), "--json", str(tmp_path / "a.json")]) == 0
    said = capsys.readouterr().out
    (answer,) = json.loads((tmp_path / "a.json").read_text())["images"]
    first, note, long, best, *_ = said.partition("500 x 1320 pixels\n")[2].splitlines()
    assert first == f"  {answer['windows']} windows of 160 x 160 pixels that hold breast"
    assert "160 pixels, on mammograms of about 440 rows; this one has 1320: --window 480" in note
    assert note.removeprefix("! ") in answer["notes"]
    assert long == f"  about {duration(answer['windows'] * 15)}"
    assert best.startswith("  1. lesion")

    assert main([*map(str, words), "--window", "480", "--json", str(tmp_path / "a.json")]) == 0
    (fitting,) = json.loads((tmp_path / "a.json").read_text())["images"]
    assert f"({fitting['windows']} windows)" in note
    assert fitting["window"] == 480
    assert fitting["notes"] == []


def test_a_window_larger_than_the_mammogram_is_told_one_that_fits(folder):
    run = finished.load(folder)
    shown = np.full((4400, 3000), 99, np.uint8)
    with pytest.raises(UserError, match=r"window of 3001; give --window N.*; about 1600 here"):
        mammograms.plan(run, shown, 3001)


def test_the_pace_is_that_of_a_compiled_batch(monkeypatch):
    asked = []
    clock = iter([10.0, 16.0])
    monkeypatch.setattr(outlook.time, "perf_counter", lambda: next(clock))
    count = outlook.batch()
    assert outlook.pace(lambda crops: asked.append(len(crops)), 20) == 6 / count
    assert asked == [count, count]
