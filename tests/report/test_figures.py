"""Pictures: written at 300 dpi, and the overlay's pixels."""

import re
import struct
from xml.etree import ElementTree

import cv2
import matplotlib as mpl
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from jaxcbis.errors import UserError
from jaxcbis.labels import LABELS
from jaxcbis.report.figures import curves, figures, style
from jaxcbis.report.page import svg
from tests.report.example_run import predictions
from tests.report.example_run import results as example


def dots_per_inch(path) -> float:
    png = path.read_bytes()
    at = png.index(b"pHYs") + 4
    return struct.unpack(">I", png[at : at + 4])[0] * 0.0254


@pytest.mark.parametrize(("backbone", "absent"), [("resnet50", ()), ("vgg16", (1, 3))])
def test_write(tmp_path, backbone, absent):
    run = example(backbone=backbone, absent=absent)
    paths = figures.write(tmp_path, run, predictions(absent))
    assert {path.stem for path in paths} == {
        "confusion", "roc", "precision_recall", "reliability", "training", "localization",
    }  # fmt: skip
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
    run = example() | {"test": None, "localization": None, "best": None}
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


def test_curves_against_scikit_learn():
    run, answers = example(), predictions()
    drawn = curves.roc(run, answers).axes[0]
    areas = {
        line.get_label().split()[0]: np.trapezoid(line.get_ydata(), line.get_xdata())
        for line in drawn.lines
        if not line.get_label().startswith("_")
    }
    for k, label in enumerate(LABELS):
        expected = roc_auc_score(answers.labels == k, answers.probabilities[:, k])
        assert areas[label] == pytest.approx(expected)
    dots = [line for line in drawn.lines if line.get_marker() == "o"]
    ours, theirs = dots[0], dots[1]
    assert ours.get_ydata()[0] == pytest.approx(run["test"]["per_class"]["BACKGROUND"]["recall"])
    # The mean of both rates is the AUC of hard labels that the paper prints in Table III.
    rates = (theirs.get_ydata()[0] + 1 - theirs.get_xdata()[0]) / 2
    assert rates == pytest.approx(0.95, abs=0.01)
    bins = run["test"]["calibration"]["bins"]
    points = curves.reliability(run).axes[0].lines[1]
    assert list(points.get_ydata()) == [row["accuracy"] for row in bins]


def test_inline_svg_obeys_a_strict_policy_and_the_page():
    drawing = svg.inline(figures.training(example()), 'a "title" <b>', "x")
    root = ElementTree.fromstring(drawing)
    assert root.get("aria-label") == 'a "title" <b>'
    elements = list(root.iter())
    assert not any("style" in element.attrib or element.tag == "style" for element in elements)
    names = [element.get("id") for element in elements if "id" in element.attrib]
    assert len(set(names)) == len(names)
    used = re.findall(r'(?:href="|url\()#([^")]+)', drawing)
    assert used
    assert set(used) == set(names)
    texts = [element.text for element in elements if element.tag == "text"]
    assert "loss" in texts
    with mpl.rc_context(style.SETTINGS):
        assert "currentColor" in svg.inline(figures.training(example()), "", "x")


def test_colours_differ_and_can_be_seen():
    """Contrast of at least 3 with white and with the page's dark, as WCAG 2 asks of graphics."""

    def luminance(colour):
        rgb = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return linear @ (0.2126, 0.7152, 0.0722)

    assert len(set(style.CLASSES.values())) == len(LABELS)
    for colour, _ in style.CLASSES.values():
        for page in ("#FFFFFF", "#16181B"):
            dark, bright = sorted((luminance(colour), luminance(page)))
            assert (bright + 0.05) / (dark + 0.05) >= 3, colour


def test_cams(tmp_path):
    path = tmp_path / "figures" / "cams.png"
    picture = np.zeros((16, 16, 3), np.uint8)
    figures.cams(path, [[picture] * 4, [picture, None] * 2], [["50 $ of <b>"] * 4] * 2, "a $ <run>")
    assert cv2.imread(str(path)) is not None


def test_a_folder_that_cannot_be_made_is_a_user_error(tmp_path):
    (tmp_path / "figures").write_text("in the way")
    with pytest.raises(UserError, match="cannot write"):
        figures.write(tmp_path, example())
