"""Lesion boxes, against independent implementations."""

import time

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tfds_cbis.release.boxes import Box, lesion_box, square_around

boxes = st.builds(
    lambda x, y, width, height: Box(x, y, x + width, y + height),
    *[st.integers(0, 40)] * 2,
    *[st.integers(1, 30)] * 2,
)
ellipses = st.lists(
    st.tuples(*[st.integers(-5, 95)] * 2, *[st.integers(1, 25)] * 2), min_size=1, max_size=5
)


def draw(shapes) -> np.ndarray:
    mask = np.zeros((80, 90), np.uint8)
    for x, y, half_width, half_height in shapes:
        cv2.ellipse(mask, (x, y), (half_width, half_height), 0, 0, 360, 255, -1)
    return mask


def by_labels(mask: np.ndarray) -> list[Box]:
    """A box per 8-connected region, by SciPy."""
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    slices = ndimage.find_objects(labels)
    return [Box(x.start, y.start, x.stop, y.stop) for y, x in slices]


@settings(deadline=None)
@given(ellipses)
def test_the_box_is_that_of_a_whole_region(shapes):
    mask = draw(shapes)
    if mask.any():
        assert lesion_box(mask) in by_labels(mask)


def suppressed(mask: np.ndarray, most: float) -> list[Box]:
    """The paper's step: boxes from the highest score down, none that shares `most` with a better.

    The score is the contour's area; of equal ones the larger box comes first, then the upper left.
    """
    scored = []
    for contour in cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]:
        x, y, width, height = cv2.boundingRect(contour)
        box = Box(x, y, x + width, y + height)
        scored.append((-cv2.contourArea(contour), -width * height, box))
    left = [box for *_, box in sorted(scored)]
    kept = []
    while left:
        best, *others = left
        kept.append(best)
        left = [other for other in others if iou(best, other, mask.shape) <= most]
    return kept


def iou(a: Box, b: Box, shape: tuple[int, int]) -> float:
    one, two = np.zeros((2, *shape), bool)
    a.crop(one)[:] = b.crop(two)[:] = True
    return (one & two).sum() / (one | two).sum()


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 0.9))
def test_it_is_what_suppression_by_score_keeps_first(seed, density, most):
    """On noise, whose regions lie in each other's boxes."""
    rng = np.random.default_rng(seed)
    coarse = (rng.random((12, 15)) < density).astype(np.uint8) * 255
    mask = cv2.resize(coarse, (45, 36), interpolation=cv2.INTER_LINEAR) // 128 * 255
    if mask.any():
        assert lesion_box(mask) == suppressed(mask, most)[0]


@settings(deadline=None)
@given(ellipses.map(lambda shapes: shapes[:1]))
def test_one_region_has_the_extent_of_its_pixels(shapes):
    mask = draw(shapes)
    if mask.any():
        y, x = np.nonzero(mask)
        assert lesion_box(mask) == (x.min(), y.min(), x.max() + 1, y.max() + 1)


def test_specks_beside_the_lesion_do_not_stretch_its_box():
    mask = draw([(40, 40, 10, 8)])
    mask[2, 2] = mask[70:72, 80:82] = 255
    assert lesion_box(mask) == Box(30, 32, 51, 49)


def test_a_mask_of_noise_takes_no_time():
    """Comparing all of its specks with each other would take hours."""
    mask = np.zeros((600, 500), np.uint8)
    mask[::3, ::3] = 255
    mask[300:340, 200:230] = 255
    began = time.perf_counter()
    assert lesion_box(mask) == Box(200, 300, 230, 340)
    assert time.perf_counter() - began < 10


def test_an_empty_mask_has_no_box():
    with pytest.raises(ValueError, match="empty mask"):
        lesion_box(np.zeros((5, 5), np.uint8))


@given(boxes, st.floats(0, 1), st.integers(71, 100), st.integers(71, 120))
def test_a_square_holds_the_box_with_its_context_and_lies_inside(box, context, height, width):
    square = square_around(box, context, (height, width))
    side = square.x1 - square.x0
    assert side == square.y1 - square.y0
    longer = max(box.x1 - box.x0, box.y1 - box.y0)
    assert side == min(round((1 + 2 * context) * longer), height, width)
    assert 0 <= square.x0 <= square.x1 <= width
    assert 0 <= square.y0 <= square.y1 <= height
    held = Box(max(box.x0, square.x0), max(box.y0, square.y0),
               min(box.x1, square.x1), min(box.y1, square.y1))  # fmt: skip
    assert held == box
    away = abs(square.x0 + square.x1 - box.x0 - box.x1)
    inside = square.x0 > 0 and square.x1 < width
    assert not inside or away <= 1, "centred, but for the image's edge"


def test_a_square_is_no_larger_than_its_image():
    assert square_around(Box(10, 10, 50, 20), 0.5, (60, 60)) == Box(0, 0, 60, 60)
