"""Lesion boxes, against independent implementations."""

import time

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from tfds_cbis.roi import (
    Box,
    contour_boxes,
    iou,
    lesion_box,
    non_max_suppression,
    square_around,
)

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
def test_every_region_has_its_tight_box(shapes):
    mask = draw(shapes)
    outer = {box for box, _ in contour_boxes(mask)}
    assert outer <= set(by_labels(mask))
    if mask.any():
        box = lesion_box(mask)
        assert box in outer
        areas = {box: area for box, area in contour_boxes(mask)}
        assert areas[box] == max(areas.values())


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
    """Suppression among all of its specks would take hours."""
    mask = np.zeros((1200, 1000), np.uint8)
    mask[::3, ::3] = 255
    mask[300:340, 500:530] = 255
    began = time.perf_counter()
    assert lesion_box(mask) == Box(500, 300, 530, 340)
    assert time.perf_counter() - began < 20


def test_an_empty_mask_has_no_box():
    with pytest.raises(ValueError, match="empty mask"):
        lesion_box(np.zeros((5, 5), np.uint8))


@settings(deadline=None)
@given(st.lists(boxes, min_size=1, max_size=12), st.floats(0.1, 0.9))
def test_suppression_agrees_with_opencv(candidates, threshold):
    scores = [1.0 - 0.01 * rank for rank in range(len(candidates))]
    ours = list(non_max_suppression(list(zip(candidates, scores, strict=True)), threshold))
    rectangles = [(b.x0, b.y0, b.x1 - b.x0, b.y1 - b.y0) for b in candidates]
    theirs = cv2.dnn.NMSBoxes(rectangles, scores, 0.0, threshold)
    assert ours == [candidates[k] for k in np.asarray(theirs).ravel()]


@given(boxes, boxes)
def test_iou_agrees_with_counting_pixels(a, b):
    canvas = np.zeros((2, 80, 80), bool)
    for layer, box in zip(canvas, (a, b), strict=True):
        box.crop(layer)[:] = True
    counted = np.logical_and(*canvas).sum() / np.logical_or(*canvas).sum()
    assert iou(a, b) == pytest.approx(counted)


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
