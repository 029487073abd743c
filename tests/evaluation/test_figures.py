"""Pictures: written at 300 dpi, and the overlay's pixels."""

import struct

import cv2
import numpy as np
import pytest

from jaxcbis.errors import UserError
from jaxcbis.report import figures
from tests.evaluation.example_run import results as example


def dots_per_inch(path) -> float:
    png = path.read_bytes()
    at = png.index(b"pHYs") + 4
    return struct.unpack(">I", png[at : at + 4])[0] * 0.0254


@pytest.mark.parametrize(("backbone", "absent"), [("resnet50", ()), ("vgg16", (1, 3))])
def test_write(tmp_path, backbone, absent):
    paths = figures.write(tmp_path, example(backbone=backbone, absent=absent))
    assert [path.name for path in paths] == ["confusion.png", "training.png"]
    for path in paths:
        assert dots_per_inch(path) == pytest.approx(300, abs=0.5)
        assert cv2.imread(str(path)).std() > 10


def test_what_the_figures_show():
    run = example()
    ours, published = figures.confusion(run).axes
    recall = run["test"]["per_class"]["BACKGROUND"]["recall"]
    assert ours.texts[0].get_text() == f"{recall:.2f}\n{run['test']['confusion'][0][0]}"
    assert published.texts[0].get_text() == "0.98"
    loss, accuracy = figures.training(run).axes
    star = next(line for line in loss.lines if line.get_label() == "best")
    assert star.get_xdata() == [6]
    assert star.get_ydata() == [1.3]
    assert [text.get_text() for text in accuracy.texts] == ["phase head", "phase layer4"]


def test_an_unfinished_run_draws_what_it_has(tmp_path):
    run = example() | {"test": None, "best": None}
    assert [path.name for path in figures.write(tmp_path, run)] == ["training.png"]


def test_overlay():
    image = np.full((32, 32), 100, np.uint8)
    heat = np.zeros((32, 32), np.float32)
    heat[2, 2] = 0.3
    mask = np.zeros((32, 32), bool)
    mask[10:20, 10:20] = True
    drawn = figures.overlay(image, heat, mask)
    assert drawn.dtype == np.uint8
    assert drawn.shape == (32, 32, 3)
    assert (drawn[30, 30] == 100).all()
    assert (drawn[15, 15] == 100).all()
    assert tuple(drawn[10, 12]) == figures.SKY
    # inferno ends in a pale yellow: red and green high, blue lower
    peak = drawn[2, 2].astype(int)
    assert peak[0] > 180
    assert peak[0] > peak[2]
    assert (figures.overlay(image, heat * 0, mask * False) == 100).all()


def test_cams(tmp_path):
    path = tmp_path / "figures" / "cams.png"
    images = np.zeros((5, 16, 16), np.uint8)
    figures.cams(path, images, np.ones((5, 16, 16)), images > 0, ["50 $ of <b>"] * 5)
    assert cv2.imread(str(path)) is not None


def test_a_folder_that_cannot_be_made_is_a_user_error(tmp_path):
    (tmp_path / "figures").write_text("in the way")
    with pytest.raises(UserError, match="cannot write"):
        figures.write(tmp_path, example())
