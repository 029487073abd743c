"""Where background crops may lie."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfds_cbis.background import (
    MAX_OVERLAP,
    allotment,
    places,
    room,
    shared_out,
    sizes,
    summed_areas,
)
from tfds_cbis.breast import LEVEL
from tfds_cbis.protocols import PROTOCOLS
from tfds_cbis.release.boxes import Box


def view(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A half-disc of noisy breast on black, and lesions in it."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:160, 0:120]
    breast = np.hypot(x / 100, (y - 80) / 75) < 1
    image = np.where(breast, rng.integers(40, 200, breast.shape), 0).astype(np.uint8)
    lesions = np.zeros_like(image)
    for left, top in rng.integers(0, 80, (rng.integers(0, 4), 2)):
        lesions[top : top + 25, left : left + 20] = 255
    return image, lesions


PAPER = PROTOCOLS["paper"]


def shared(a: Box, b: Box) -> int:
    return Box(max(a.x0, b.x0), max(a.y0, b.y0), min(a.x1, b.x1), min(a.y1, b.y1)).area


@settings(deadline=None)
@given(
    st.integers(0, 10**6), st.integers(3, 60), st.integers(1, 8), st.floats(0, 1), st.floats(0, 1)
)
def test_crops_show_breast_and_no_lesion(seed, size, count, breast, margin):
    image, lesions = view(seed)
    words = summed_areas(image, lesions), PAPER._replace(breast=breast, margin=margin)
    options = {"size": size, "count": count, "seed": f"1.0.0/{seed}"}
    distance = round(margin * size)
    boxes = places(*words, **options)
    assert len(boxes) <= count
    for box in boxes:
        assert box.x1 - box.x0 == box.y1 - box.y0 == size
        assert box.crop(image).shape == (size, size)
        near = Box(*(max(v, 0) for v in (box.x0 - distance, box.y0 - distance)),
                   box.x1 + distance, box.y1 + distance)  # fmt: skip
        assert not near.crop(lesions).any()
        assert np.mean(box.crop(image) > LEVEL) >= breast
    for a, b in combinations(boxes, 2):
        assert shared(a, b) <= MAX_OVERLAP * size * size
    assert places(*words, **options) == boxes


def test_the_draw_hangs_on_the_view_and_the_version():
    areas = summed_areas(*view(0))
    drawn = {
        tuple(places(areas, PAPER, size=20, count=2, seed=seed))
        for seed in ("1.0.0/a", "1.1.0/a", "1.0.0/b", "1.1.0/b")
    }
    assert len(drawn) == 4


def test_few_crops_keep_apart():
    image = np.full((200, 200), 90, np.uint8)
    areas = summed_areas(image, np.zeros_like(image))
    boxes = places(areas, PAPER, size=40, count=3, seed="1/v")
    boxes += places(areas, PAPER, size=30, count=1, seed="1/v", taken=boxes)
    assert len(boxes) == 4
    assert max(shared(a, b) for a, b in combinations(boxes, 2)) == 0


@pytest.mark.parametrize(
    ("image", "lesions", "size"),
    [
        (np.full((50, 50), 90), np.zeros((50, 50)), 51),
        (np.full((50, 50), LEVEL), np.zeros((50, 50)), 10),
        (np.full((50, 50), 90), np.full((50, 50), 255), 10),
    ],
    ids=["too small", "black", "all lesion"],
)
def test_no_place_gives_no_crop(image, lesions, size):
    image, lesions = image.astype(np.uint8), lesions.astype(np.uint8)
    assert places(summed_areas(image, lesions), PAPER, size=size, count=3, seed="1/v") == []


@given(st.sets(st.text(min_size=1), min_size=1, max_size=20), st.integers(0, 100))
def test_crops_are_spread_evenly_whatever_the_order(names, total):
    share = allotment(sorted(names), total, "1.0.0")
    assert share == allotment(sorted(names, reverse=True), total, "1.0.0")
    assert sum(share.values()) == total
    assert max(share.values()) - min(share.values()) <= 1


def test_no_view_no_share():
    assert allotment([], 5, "1.0.0") == {}


@pytest.mark.parametrize("seed", range(4))
def test_what_has_room_finds_a_place(seed):
    areas = summed_areas(*view(seed))
    protocol = PROTOCOLS["shifted"]
    largest = room(areas, protocol, f"1/{seed}")
    assert 10 < largest < 120
    for side in range(1, largest + 1):
        words = {"size": side, "count": 1, "seed": f"1/{seed}"}
        assert places(areas, protocol, **words) or places(areas, protocol, **words, steps=side)
    assert not places(areas, protocol, size=largest + 8, count=1, seed=f"1/{seed}")


def test_no_breast_no_room():
    image = np.zeros((20, 30), np.uint8)
    assert room(summed_areas(image, image), PAPER, "1/v") == 0
    image += 90
    assert room(summed_areas(image, 0 * image), PAPER, "1/v") == 20


@given(
    st.lists(st.integers(1, 50), max_size=40),
    st.dictionaries(st.text(min_size=1), st.integers(0, 40), max_size=8),
)
def test_crops_go_where_they_fit_and_evenly(sides, rooms):
    given, left = shared_out(sides, rooms, "1.0.0")
    turned = dict(reversed(rooms.items()))
    assert shared_out(sides[::-1], turned, "1.0.0") == (given, left)
    assert sorted(sum(given.values(), left)) == sorted(sides)
    assert all(side > max(rooms.values(), default=0) for side in left)
    for name, taken in given.items():
        assert all(side <= rooms[name] for side in taken)
        for other, many in given.items():  # no view takes two crops more than one as roomy
            assert len(taken) <= len(many) + 1 or rooms[other] < rooms[name]


@given(st.lists(st.integers(1, 500), min_size=1), st.integers(0, 50))
def test_sizes_are_those_of_lesions_whatever_their_order(sides, count):
    drawn = sizes(sides, count, "1.0.0")
    assert len(drawn) == count
    assert set(drawn) <= set(sides)
    assert drawn == sizes(sides[::-1], count, "1.0.0")


def test_no_lesion_no_size():
    assert sizes([], 3, "1.0.0") == []
