"""gallery.json, and the overlays of a few patches."""

import cv2
import numpy as np
import pytest

from jaxcbis.errors import UserError
from jaxcbis.evaluation import localization
from jaxcbis.records import predictions
from jaxcbis.records.predictions import Predictions
from jaxcbis.report.figures import examples, saving
from jaxcbis.report.page import document, gallery
from tests.report import made_run


def test_gallery_holds_what_it_was_given(tmp_path):
    patches = made_run.make_patches(np.random.default_rng(0), 6, 64)
    maps = np.random.default_rng(1).random((6, 3, 3), np.float32)
    gallery.write(tmp_path, patches, maps, maps[::-1])
    held = gallery.read(tmp_path)
    assert (held["grid"], held["side"]) == (3, 64)
    assert [item["id"] for item in held["patches"]] == list(patches.ids)
    for item, image, mask, heat in zip(
        held["patches"], patches.images, patches.masks, maps, strict=True
    ):
        jpeg = np.frombuffer(made_run.decoded(item["image"]), np.uint8)
        shown = cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE)
        assert np.abs(shown.astype(int) - image).mean() < 4
        cells = np.frombuffer(made_run.decoded(item["map"]), np.uint8).reshape(3, 3)
        np.testing.assert_array_equal(cells, np.rint(heat / heat.max() * 255))
        assert item["true_map"] == held["patches"][-1 - list(patches.ids).index(item["id"])]["map"]
        assert bool(item["outline"]) == mask.any()


def test_a_map_of_nothing_is_no_share_of_anything(tmp_path):
    patches = made_run.make_patches(np.random.default_rng(0), 2, 32)
    gallery.write(tmp_path, patches, np.zeros((2, 2, 2), np.float32))
    held = gallery.read(tmp_path)
    assert made_run.decoded(held["patches"][0]["map"]) == bytes(4)
    assert gallery.maps_of(held["patches"][0], held, 0.5, right=True)["contour"] == ""


def filled(path: str, side: int) -> np.ndarray:
    """Pixels whose centres lie inside an SVG path over a square of side 1."""
    lines = [
        np.array([point.split() for point in part.rstrip("Z").split("L")], float)
        for part in path.split("M")[1:]
    ]
    inside = np.zeros((side, side), np.uint8)
    fixed = [np.rint((line * side - 0.5) * 256).astype(np.int32) for line in lines]
    cv2.fillPoly(inside, fixed, 1, shift=8)
    return inside.astype(bool)


def test_the_contour_encloses_the_area_that_iou_is_measured_on(tmp_path):
    patches = made_run.make_patches(np.random.default_rng(0), 12, 64)
    rng = np.random.default_rng(1)
    maps = cv2.GaussianBlur(rng.random((7, 7, 12), np.float32), (0, 0), 1).transpose(2, 0, 1)
    maps -= maps.min(axis=(1, 2), keepdims=True)
    gallery.write(tmp_path, patches, maps, maps[::-1])
    held = gallery.read(tmp_path)
    for threshold in (0.3, 0.5, 0.8):
        expected = localization.iou(patches, maps, threshold)
        for item, mask, wanted in zip(held["patches"], patches.masks, expected, strict=True):
            shown = gallery.maps_of(item, held, threshold, right=True)
            assert set(shown) == {"grid", "map", "contour"}
            if np.isnan(wanted):
                continue
            area = filled(shown["contour"], 64)
            assert (area & mask).sum() / (area | mask).sum() == pytest.approx(wanted, abs=0.03)
    first, last = held["patches"][0], held["patches"][-1]
    wrong = gallery.maps_of(first, held, 0.5, right=False)
    assert wrong["true_map"] == last["map"]
    assert wrong["true_contour"] == gallery.maps_of(last, held, 0.5, right=True)["contour"]
    assert "contour" not in gallery.maps_of(first, held, None, right=False)


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("Mass-Test_P_00016_LEFT_CC_1", "left breast, craniocaudal view (CC)"),
        ("x_P_1_RIGHT_MLO", "right breast, mediolateral oblique view (MLO)"),
        ("patch_0001", ""),
        ("BRIGHT_MLOW_1", ""),
    ],
)
def test_an_id_says_side_and_view(name, view):
    assert gallery.view_of(name) == view


def test_overlays_are_of_each_class_s_surest_hit_and_miss(made):
    answers = predictions.read(made / "predictions.csv")
    expected = set()
    predicted, confidence = answers.probabilities.argmax(1), answers.probabilities.max(1)
    for label in range(5):
        for hit in (True, False):
            members = [
                (confidence[k], answers.ids[k])
                for k in range(40)
                if answers.labels[k] == label and (predicted[k] == label) == hit
            ]
            expected |= {max(members)[1]} if members else set()
    assert {path.stem for path in (made / "cams").iterdir()} == expected


def test_best_and_worst_overlap_of_each_lesion_class():
    """Hits of two classes: one has two, the other one; what a class lacks is a gap."""
    labels = np.array([0, 1, 1, 1, 2, 2])
    probabilities = np.eye(5)[[0, 1, 1, 3, 2, 4]]
    iou = np.array([np.nan, 0.2, 0.7, 0.9, 0.4, 0.5])
    answers = Predictions(np.arange(6).astype(str), labels, labels, probabilities, iou)
    title = "a $x^$ <b>"  # no formula
    figure = examples._best_and_worst(answers, lambda i: np.full((4, 4, 3), i, np.uint8), title)
    assert "<svg" in saving.svg(figure)
    assert [axes.get_title() for axes in figure.axes] == [
        "BENIGN_Calc\nIoU 0.70", "BENIGN_Mass\nIoU 0.40",
        "BENIGN_Calc\nIoU 0.20", "BENIGN_Mass\nnone",
    ]  # fmt: skip
    shown = [axes.images[0].get_array().max() if axes.images else None for axes in figure.axes]
    assert shown == [2, 4, 1, None]


def test_a_run_on_background_alone_has_overlays_and_no_best_and_worst(tmp_path):
    patches = made_run.make_patches(np.random.default_rng(0), 20, 32)
    patches = patches.select(patches.labels == 0)
    count = len(patches)
    answers = Predictions(
        patches.ids,
        patches.patients,
        patches.labels,
        np.eye(5)[[0] * count],
        np.full(count, np.nan),
    )
    examples.write(tmp_path, patches, np.ones((count, 2, 2), np.float32), answers, "a run")
    assert [path.name for path in (tmp_path / "cams").iterdir()] == [f"{patches.ids[0]}.png"]
    assert not (tmp_path / "figures").exists()


@pytest.mark.parametrize("name", ["gallery.json", "predictions.csv"])
def test_a_damaged_file_is_named(copy, name):
    (copy / "report.html").unlink()
    text = (copy / name).read_text()
    (copy / name).write_text(text[: len(text) // 2])
    with pytest.raises(UserError, match=name):
        document.write(copy)
    assert not (copy / "report.html").exists()
