"""Windows drawn around a lesion."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from tests.tfds_cbis.test_background import view
from tfds_cbis import windows
from tfds_cbis.background import summed_areas
from tfds_cbis.breast import LEVEL
from tfds_cbis.films import Film
from tfds_cbis.protocols import PROTOCOLS, Protocol
from tfds_cbis.release.boxes import Box
from tfds_cbis.release.images import Unusable

SHIFTED = PROTOCOLS["shifted"]


def lesion(shape, box: Box) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    box.crop(mask)[:] = 255
    return mask


def test_the_protocol_is_as_it_is_described():
    expected = Protocol("", None, True, 0.75, 0.1, (0.25, 0.75), {"train": 0.5, "test": 0.5})
    assert SHIFTED._replace(description="") == expected


@settings(deadline=None)
@given(
    st.integers(0, 10**6), st.integers(0, 110), st.integers(0, 150), st.integers(2, 60),
    st.integers(2, 60),
)  # fmt: skip
def test_a_window_holds_its_lesion_and_tells_what_it_lacks(seed, x0, y0, wide, high):
    image, others = view(seed)
    height, width = image.shape
    box = Box(x0, y0, min(x0 + wide, width), min(y0 + high, height))
    longer = max(box.x1 - box.x0, box.y1 - box.y0)
    found, lack = windows.draw(box, summed_areas(image, others), SHIFTED, f"1/{seed}")
    side = found.x1 - found.x0
    assert found.y1 - found.y0 == side
    assert 0.25 * side <= longer <= 0.75 * side
    assert 0 <= found.x0 <= box.x0 < box.x1 <= found.x1 <= width
    assert 0 <= found.y0 <= box.y0 < box.y1 <= found.y1 <= height
    assert ("another lesion" in lack) == found.crop(others).any()
    assert ("breast" in lack) == (np.mean(found.crop(image) > LEVEL) < 0.75)
    assert windows.draw(box, summed_areas(image, others), SHIFTED, f"1/{seed}") == (found, lack)


def test_size_and_place_are_uniform():
    """By Kolmogorov and Smirnov, over the draws of many lesions on breast alone."""
    image = np.full((3000, 2600), 90, np.uint8)
    areas = summed_areas(image, np.zeros_like(image))
    box = Box(1200, 1400, 1300, 1480)
    drawn = [windows.draw(box, areas, SHIFTED, f"1/{k}")[0] for k in range(400)]
    side = np.array([each.x1 - each.x0 for each in drawn])
    x, y = (np.array([each[axis] for each in drawn]) for axis in (0, 1))
    assert kstest(100 / side, "uniform", (0.25, 0.5)).pvalue > 0.05
    assert kstest((1200 - x) / (side - 100), "uniform").pvalue > 0.05
    assert kstest((1400 - y) / (side - 80), "uniform").pvalue > 0.05


def test_a_window_larger_than_the_mammogram_is_drawn_again():
    """Shares below 100 / 150 do not fit; the others are as likely as before."""
    image = np.full((150, 400), 90, np.uint8)
    areas = summed_areas(image, np.zeros_like(image))
    box = Box(50, 20, 150, 60)
    sides = [windows.draw(box, areas, SHIFTED, f"1/{k}")[0] for k in range(300)]
    shares = np.array([100 / (each.x1 - each.x0) for each in sides])
    assert kstest(shares, "uniform", (2 / 3, 0.75 - 2 / 3)).pvalue > 0.05


def test_a_lesion_too_large_for_any_window():
    areas = summed_areas(*view(0))  # 120 pixels wide
    assert windows.draw(Box(5, 5, 95, 50), areas, SHIFTED, "1/a")
    with pytest.raises(Unusable, match="too large for a window"):
        windows.draw(Box(5, 5, 96, 50), areas, SHIFTED, "1/a")


@pytest.fixture
def corner():
    """Breast in the upper part of the film; another lesion on the left, just above the middle."""
    image = np.zeros((200, 200), np.uint8)
    image[:130] = 90
    return image, lesion(image.shape, Box(60, 60, 90, 100))


BOX = Box(95, 100, 115, 120)


def test_it_is_drawn_again_until_nothing_is_lacking(corner, monkeypatch):
    areas = summed_areas(*corner)
    lacks = [windows.draw(BOX, areas, SHIFTED, f"1/{k}")[1] for k in range(50)]
    monkeypatch.setattr(windows, "DRAWS", 1)
    once = [windows.draw(BOX, areas, SHIFTED, f"1/{k}")[1] for k in range(50)]
    assert sum(map(bool, lacks)) < 5 < 30 < sum(map(bool, once))


def test_the_first_draw_that_lacks_nothing_is_taken(monkeypatch):
    """Not the one with most breast, of which all show about 90 %."""
    image = np.full((200, 200), 90, np.uint8)
    image[::10] = 0
    areas = summed_areas(image, np.zeros_like(image))
    drawn = windows.draw(BOX, areas, SHIFTED, "1/a")
    monkeypatch.setattr(windows, "DRAWS", 1)
    assert windows.draw(BOX, areas, SHIFTED, "1/a") == drawn


def test_no_other_lesion_counts_more_than_breast():
    """Where there is breast, there is another lesion; then as much breast as the rest allows."""
    image = np.zeros((200, 200), np.uint8)
    image[:, :100] = 90
    others = lesion(image.shape, Box(0, 0, 85, 200))
    drawn = [
        windows.draw(Box(95, 90, 115, 110), summed_areas(image, others), SHIFTED, f"1/{k}")
        for k in range(20)
    ]
    assert {lack for _, lack in drawn} == {"less than 75 % breast"}
    shares = [(100 - box.x0) / (box.x1 - box.x0) for box, _ in drawn]
    assert min(shares) > 0.3  # of at most 0.4
    everywhere = summed_areas(image, np.full_like(others, 255))
    both = windows.draw(Box(95, 90, 115, 110), everywhere, SHIFTED, "1/0")[1]
    assert both == "another lesion and less than 75 % breast"


def made(count: int, **changes) -> list[windows.Window]:
    image = np.full((200, 200), 90, np.uint8)
    masks = {"a": lesion(image.shape, BOX), "b": lesion(image.shape, Box(10, 10, 60, 60))}
    film = Film(image, masks, {})._replace(**changes)
    return windows.of_lesion(film, "a", SHIFTED, count=count, seed="1.0.0")


def test_windows_differ_and_do_not_hang_on_their_count():
    five = made(5)
    assert [window.number for window in five] == [1, 2, 3, 4, 5]
    assert len({window.box for window in five}) == 5
    assert made(1) == five[:1]
    assert made(3) == five[:3]


def test_a_lesion_without_a_mask_may_be_anywhere():
    """Its own mask is no other lesion's."""
    assert {window.lack for window in made(3)} == {""}
    unsure = made(3, unusable={"c": "mask empty"})
    assert {window.lack for window in unsure} == {"perhaps a lesion without a usable mask: c"}
    assert [window.box for window in unsure] == [window.box for window in made(3)]


@given(st.text(min_size=1), st.integers(1, 20))
def test_the_first_window_has_its_lesions_name(of, number):
    assume("_window_" not in of)
    name = windows.name(of, number)
    assert (name == of) == (number == 1)
    assert name.partition("_window_")[0] == of
