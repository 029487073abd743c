"""What gallery.json of a mammogram run holds."""

import base64
import re

import cv2
import numpy as np
import pytest

from jaxcbis.errors import UserError
from jaxcbis.mammograms.page import gallery
from tests.mammograms import example_run


def corners(path: str) -> np.ndarray:
    """Of an outline, [k, 2] x and y as shares of the picture."""
    return np.array(re.findall(r"([\d.]+) ([\d.]+)", path), float)


def test_views_are_kept_with_what_was_said_of_them(tmp_path):
    views, probabilities, maps = (
        example_run.views(), example_run.probabilities(), example_run.maps()
    )  # fmt: skip
    gallery.keep(tmp_path, views, probabilities, maps, probabilities / 2)
    held = gallery.read(tmp_path)
    assert (held["grid"], held["size"], held["total"]) == ([6, 4], [96, 72], 12)
    for k, view in enumerate(held["views"]):
        told = tuple(view[key] for key in ("id", "patient", "side", "view", "label", "masked"))
        assert told == (views.ids[k], views.patients[k], views.sides[k], views.views[k],
                        views.labels[k], True)  # fmt: skip
        assert view["probability"] == probabilities[k]
        assert view["probability_flips"] == probabilities[k] / 2
        data = np.frombuffer(base64.b64decode(view["image"]), np.uint8)
        shown = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
        assert np.abs(shown - views.images[k].astype(float)).mean() < 6
        shares = np.frombuffer(base64.b64decode(view["map"]), np.uint8).reshape(6, 4)
        np.testing.assert_allclose(shares, maps[k] / maps[k].max() * 255, atol=0.51)


def test_outlines_lie_around_the_lesions_by_kind(tmp_path):
    """In a picture that is taller than wide, and in one that the page reduces."""
    views = example_run.views()
    for factor in (1, 6):

        def larger(masks, factor=factor):
            return masks.repeat(factor, 1).repeat(factor, 2)

        large = example_run.changed(
            images=larger(views.images), masks=larger(views.masks),
            malignant_masks=larger(views.malignant_masks),
        )  # fmt: skip
        gallery.keep(tmp_path, large, example_run.probabilities(), example_run.maps())
        for k, view in enumerate(gallery.read(tmp_path)["views"]):
            around, none = ("malignant", "benign") if views.labels[k] else ("benign", "malignant")
            assert view[none] == ""
            y, x = np.nonzero(views.masks[k])
            low, high = corners(view[around]).min(0), corners(view[around]).max(0)
            np.testing.assert_allclose(low, (x.min() / 72, y.min() / 96), atol=0.011)
            np.testing.assert_allclose(high, ((x.max() + 1) / 72, (y.max() + 1) / 96), atol=0.011)


def test_of_too_many_views_those_kept_are_spread_by_probability(tmp_path):
    probabilities = np.linspace(0, 1, 12)[::-1]
    gallery.keep(tmp_path, example_run.views(), probabilities, example_run.maps(), most=4)
    held = gallery.read(tmp_path)
    assert held["total"] == 12
    kept = [view["probability"] for view in held["views"]]
    np.testing.assert_allclose(kept, probabilities[[0, 4, 7, 11]])


def test_sixteen_bits_and_maps_below_zero_or_of_nothing(tmp_path):
    views = example_run.views()
    deep = example_run.changed(images=views.images.astype(np.uint16) * 257)
    maps = example_run.maps()
    maps[0], maps[1] = 0, -1
    gallery.keep(tmp_path, deep, example_run.probabilities(), maps)
    shallow = tmp_path / "shallow"
    shallow.mkdir()
    gallery.keep(shallow, views, example_run.probabilities(), maps)
    found, expected = (gallery.read(folder)["views"] for folder in (tmp_path, shallow))
    assert [view["image"] for view in found] == [view["image"] for view in expected]
    for view in found[:2]:
        assert not any(base64.b64decode(view["map"]))
    assert found[0]["probability_flips"] is None


def test_views_of_one_name_have_links_of_their_own(tmp_path):
    views = example_run.views()
    twins = example_run.changed(ids=np.array(["a", "a", *views.ids[2:]]))
    gallery.keep(tmp_path, twins, example_run.probabilities(), example_run.maps())
    shown = gallery.of_page(gallery.read(tmp_path), example_run.results())
    assert [view["link"] for view in shown["patches"][:3]] == ["a", "a~1", views.ids[2]]


def test_a_damaged_file_is_named(tmp_path):
    assert gallery.read(tmp_path) is None
    (tmp_path / "gallery.json").write_text("{")
    with pytest.raises(UserError, match=r"gallery\.json .*; delete it to report without"):
        gallery.read(tmp_path)
