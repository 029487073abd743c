"""Where background crops may lie."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tfds_cbis.roi import Box

from tfds_cbis.background import BREAST_LEVEL, MAX_OVERLAP, allotment, places, sizes


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


def shared(a: Box, b: Box) -> int:
    return Box(max(a.x0, b.x0), max(a.y0, b.y0), min(a.x1, b.x1), min(a.y1, b.y1)).area


@settings(deadline=None)
@given(
    st.integers(0, 10**6), st.integers(3, 60), st.integers(1, 8), st.floats(0, 1), st.floats(0, 1)
)
def test_crops_show_breast_and_no_lesion(seed, size, count, breast, margin):
    image, lesions = view(seed)
    options = {"size": size, "count": count, "seed": "1.0.0", "view_id": str(seed)}
    options |= {"breast": breast, "margin": margin}
    distance = round(margin * size)
    boxes = places(image, lesions, **options)
    assert len(boxes) <= count
    for box in boxes:
        assert box.x1 - box.x0 == box.y1 - box.y0 == size
        assert box.crop(image).shape == (size, size)
        near = Box(*(max(v, 0) for v in (box.x0 - distance, box.y0 - distance)),
                   box.x1 + distance, box.y1 + distance)  # fmt: skip
        assert not near.crop(lesions).any()
        assert np.mean(box.crop(image) > BREAST_LEVEL) >= breast
    for a, b in combinations(boxes, 2):
        assert shared(a, b) <= MAX_OVERLAP * size * size
    assert places(image, lesions, **options) == boxes


def test_the_draw_hangs_on_the_view_and_the_seed():
    image, lesions = view(0)
    drawn = {
        tuple(places(image, lesions, size=20, count=2, seed=seed, view_id=name, breast=0.5))
        for seed in ("1.0.0", "1.1.0")
        for name in ("a", "b")
    }
    assert len(drawn) == 4


def test_few_crops_keep_apart():
    image = np.full((200, 200), 90, np.uint8)
    options = {"seed": "1", "view_id": "v", "breast": 0.5}
    boxes = places(image, np.zeros_like(image), size=40, count=3, **options)
    boxes += places(image, np.zeros_like(image), size=30, count=1, taken=boxes, **options)
    assert len(boxes) == 4
    assert max(shared(a, b) for a, b in combinations(boxes, 2)) == 0


@pytest.mark.parametrize(
    ("image", "lesions", "size"),
    [
        (np.full((50, 50), 90), np.zeros((50, 50)), 51),
        (np.full((50, 50), BREAST_LEVEL), np.zeros((50, 50)), 10),
        (np.full((50, 50), 90), np.full((50, 50), 255), 10),
    ],
    ids=["too small", "black", "all lesion"],
)
def test_no_place_gives_no_crop(image, lesions, size):
    image, lesions = image.astype(np.uint8), lesions.astype(np.uint8)
    options = {"size": size, "count": 3, "seed": "1", "view_id": "v"}
    assert places(image, lesions, breast=0.5, **options) == []


@given(st.sets(st.text(min_size=1), min_size=1, max_size=20), st.integers(0, 100))
def test_crops_are_spread_evenly_whatever_the_order(names, total):
    share = allotment(sorted(names), total, "1.0.0")
    assert share == allotment(sorted(names, reverse=True), total, "1.0.0")
    assert sum(share.values()) == total
    assert max(share.values()) - min(share.values()) <= 1


def test_no_view_no_share():
    assert allotment([], 5, "1.0.0") == {}


@given(st.lists(st.integers(1, 500), min_size=1), st.integers(0, 50))
def test_sizes_are_those_of_lesions_whatever_their_order(sides, count):
    drawn = sizes(sides, count, "1.0.0")
    assert len(drawn) == count
    assert set(drawn) <= set(sides)
    assert drawn == sizes(sides[::-1], count, "1.0.0")


def test_no_lesion_no_size():
    assert sizes([], 3, "1.0.0") == []
