"""Figures: written for print and for a page, and what they show."""

import base64
import struct
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from jaxcbis.errors import UserError
from jaxcbis.labels import LABELS
from jaxcbis.report.figures import (
    alternatives,
    confusion,
    covered,
    localization,
    of_run,
    ranking,
    reliability,
    saving,
    style,
    training,
)
from jaxcbis.report.figures.overlay import INFERNO, overlay
from jaxcbis.report.page import pictures
from tests.report.example_run import predictions
from tests.report.example_run import results as example

NAMES = {"confusion", "roc", "precision_recall", "reliability", "training", "localization"}


@pytest.fixture
def coarse(monkeypatch):
    """Where the pixels do not matter, there are few."""
    monkeypatch.setattr(saving, "DPI", 40)


def dots_per_inch(path) -> float:
    png = path.read_bytes()
    at = png.index(b"pHYs") + 4
    return struct.unpack(">I", png[at : at + 4])[0] * 0.0254


def test_each_is_there_for_print_and_for_the_page(made):
    folder = made / "figures"
    assert {path.stem for path in folder.glob("*.svg")} == {*NAMES, "covering"}
    assert {path.stem for path in folder.glob("*.png")} == {*NAMES, "covering", "cams"}
    for name in (*NAMES, "covering"):
        assert dots_per_inch(folder / f"{name}.png") == pytest.approx(300, abs=0.5)
        height, width = cv2.imread(str(folder / f"{name}.png")).shape[:2]
        root = ElementTree.parse(folder / f"{name}.svg").getroot()
        points = [float(side) for side in root.get("viewBox").split()[2:]]
        assert points == pytest.approx([width * 72 / 300, height * 72 / 300], abs=0.5)


def test_one_drawing_is_saved_twice(tmp_path, monkeypatch, coarse):
    """Drawing is what takes the time."""
    drawn = []
    real = confusion.draw
    monkeypatch.setitem(of_run._DRAWN, "confusion", lambda run: drawn.append(run) or real(run))
    run = example() | {"history": None, "localization": None}
    run["test"]["calibration"] = None
    paths = of_run.write(tmp_path, run)
    assert [path.name for path in paths] == ["confusion.png"]
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == [
        "confusion.png", "confusion.svg",
    ]  # fmt: skip
    assert len(drawn) == 1


def test_absent_classes_and_a_model_that_the_paper_has_not(tmp_path, coarse):
    run = example(backbone="vgg16", absent=(1, 3))
    paths = of_run.write(tmp_path, run, predictions((1, 3)))
    assert {path.stem for path in paths} == NAMES
    (panel,) = confusion.draw(run).axes
    assert [text.get_text() for text in panel.texts[5:10]] == ["–"] * 5


def test_what_the_figures_show():
    run = example()
    ours, published = confusion.draw(run).axes
    recall = run["test"]["per_class"]["BACKGROUND"]["recall"]
    assert ours.texts[0].get_text() == f"{recall:.2f}\n{run['test']['confusion'][0][0]}"
    assert published.texts[0].get_text() == "0.98"
    loss, accuracy = training.draw(run).axes
    star = next(line for line in loss.lines if line.get_label() == "best")
    assert star.get_xdata() == [6]
    assert star.get_ydata() == [1.3]
    assert [text.get_text() for text in accuracy.texts] == ["phase head", "phase layer4"]
    scores, _ = localization.draw(run).axes
    found = run["localization"]
    expected = [found["ll_score"], 0.2, *(found["baselines"][key] for key in (
        "all_ones", "centred_gaussian", "mean_training_mask", "blurred_brightness", "random",
        "grid_ceiling"))]  # fmt: skip
    assert [bar.get_width() for bar in scores.patches] == expected


def test_the_parts_of_a_loss_are_shown_where_it_has_two():
    run = example()
    assert len(training.draw(run).axes) == 2
    for row in run["history"]:
        look = None if row["phase"] == "head" else 0.5 - 0.1 * row["epoch"]
        parts = {"cross_entropy": row["val_loss"] - (look or 0), "look": look}
        row |= {f"{split}_{name}": of for split in ("train", "val") for name, of in parts.items()}
    *_, entropy, term = training.draw(run).axes
    assert (entropy.get_ylabel(), term.get_ylabel()) == ("cross-entropy", "localisation term")
    drawn = [
        line for line in term.lines if line.get_linestyle() == "-" and len(line.get_xdata()) > 2
    ]
    assert np.isnan(drawn[0].get_ydata()).all()
    np.testing.assert_allclose(drawn[1].get_ydata(), [0.5, 0.4, 0.3, 0.2])


def test_lesions_are_shown_from_the_most_changed_to_the_least():
    fell = np.zeros((9, 5))
    fell[:, 0] = [-0.1, 0.3, -0.9, 0, -0.5, -0.2, -0.3, -0.4, -0.6]  # of p(background)
    assert covered._spread(fell) == [2, 7, 5, 1]
    assert covered._spread(fell[:2]) == [0, 1]
    assert covered._spread(fell[:1]) == [0]


def test_an_unfinished_run_draws_what_it_has(tmp_path, coarse):
    run = example() | {"test": None, "localization": None, "best": None}
    assert [path.name for path in of_run.write(tmp_path, run)] == ["training.png"]


def test_alternatives_tell_the_figures():
    run = example()
    told = alternatives.of(run, answers=True)
    assert set(told) == NAMES
    per_class = run["test"]["per_class"]
    for label in LABELS:
        assert f"{label} {per_class[label]['recall']:.2f}" in told["confusion"]
        assert f"{label} {per_class[label]['auc']:.2f}" in told["roc"]
    assert "phase layer4, epoch 2, loss 1.300" in told["training"]
    assert f"LL score {run['localization']['ll_score']:.3f}" in told["localization"]
    assert set(alternatives.of(run, answers=False)) == NAMES - {"roc", "precision_recall"}


def test_overlay():
    image = np.full((32, 32), 100, np.uint8)
    heat = np.zeros((32, 32), np.float32)
    heat[2, 2] = 0.3
    mask = np.zeros((32, 32), bool)
    mask[10:20, 10:20] = True
    drawn = overlay(image, heat, mask)
    assert drawn.dtype == np.uint8
    assert drawn.shape == (32, 32, 3)
    assert (drawn[30, 30] == 100).all()
    assert (drawn[15, 15] == 100).all()
    assert tuple(drawn[10, 12]) == style.SKY
    # Hottest: 60 % of inferno's pale yellow, 40 % of the patch.
    assert tuple(INFERNO[255]) == (252, 255, 164)
    assert tuple(drawn[2, 2]) == (191, 193, 138)
    assert (overlay(image, heat * 0, mask * False) == 100).all()


def test_curves_against_scikit_learn():
    run, answers = example(), predictions()
    drawn = ranking.roc(run, answers).axes[0]
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
    points = reliability.draw(run).axes[0].lines[1]
    assert list(points.get_ydata()) == [row["accuracy"] for row in bins]


def test_an_svg_is_the_same_every_time_and_takes_the_readers_ink():
    def drawn():
        with saving.mpl.rc_context(style.SETTINGS):
            return saving.svg(training.draw(example()))

    text = drawn()
    assert text == drawn()
    assert style.INK.lower() not in text
    assert "currentColor" in text
    assert f"prefers-color-scheme: dark) {{ svg {{ color: {style.DARK_INK} }}" in text
    picture = pictures.of_svg(text, "what it shows")
    kind, data = picture.source.split(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(data).decode() == text
    assert picture.size == (1152, 461)  # 10 x 4 inches of 72 points, 1.6 pixels each


def test_colours_differ_and_can_be_seen():
    """Contrast of at least 3 with white and with the page's dark, as WCAG 2 asks of graphics."""

    def luminance(colour):
        rgb = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return linear @ (0.2126, 0.7152, 0.0722)

    def contrast(colour, page):
        dark, bright = sorted((luminance(colour), luminance(page)))
        return (bright + 0.05) / (dark + 0.05)

    assert len(set(style.CLASSES.values())) == len(LABELS)
    for colour, _ in style.CLASSES.values():
        for page in ("#FFFFFF", "#16181B"):
            assert contrast(colour, page) >= 3, colour
    assert contrast(style.INK, "#FFFFFF") >= 7
    assert contrast(style.DARK_INK, "#16181B") >= 7


def test_a_folder_that_cannot_be_made_is_a_user_error(tmp_path, coarse):
    (tmp_path / "figures").write_text("in the way")
    with pytest.raises(UserError, match="cannot write"):
        of_run.write(tmp_path, example() | {"test": None, "localization": None})
