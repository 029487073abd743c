"""Flips and rotations of whole images, against OpenCV's and SciPy's."""

import cv2
import numpy as np
import pytest
from scipy import ndimage

from jaxcbis.training import augmentation

SHAPE = (45, 32)


def image(dtype=np.uint8) -> np.ndarray:
    """Smooth, so that OpenCV's coarse fractions of a pixel tell little."""
    noise = np.random.default_rng(0).random(SHAPE)
    smooth = ndimage.gaussian_filter(noise, 2)
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    return (smooth * np.iinfo(dtype).max).astype(dtype)


def turned(one: np.ndarray, *drawn: float) -> np.ndarray:
    draws = np.array([drawn], np.float32)
    return np.asarray(augmentation.turned(one[None, ..., None], draws))[0, ..., 0]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_nothing_drawn_changes_nothing(dtype):
    found = turned(image(dtype), 1, 1, 0)
    assert found.dtype == dtype
    assert np.array_equal(found, image(dtype))


def test_flips_move_pixels_and_change_none():
    one = image(np.uint16)
    assert np.array_equal(turned(one, -1, 1, 0), one[:, ::-1])
    assert np.array_equal(turned(one, 1, -1, 0), one[::-1])
    assert np.array_equal(turned(one, -1, -1, 0), one[::-1, ::-1])


@pytest.mark.parametrize("degrees", [-10.0, 3.7])
def test_rotations_are_opencvs(degrees):
    height, width = SHAPE
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    one = image()[:, ::-1]
    expected = cv2.warpAffine(np.ascontiguousarray(one), matrix, (width, height))
    found = turned(image(), -1, 1, degrees).astype(int)
    assert np.abs(found - expected).max() <= 4  # it rounds to 1/32 of a pixel
    assert np.abs(found - expected).mean() < 0.5


def test_a_flip_and_a_rotation_are_scipys():
    degrees, (height, width) = 7.0, SHAPE
    sine, cosine = np.sin(np.deg2rad(degrees)), np.cos(np.deg2rad(degrees))
    matrix = np.array([[cosine, sine], [-sine, cosine]])
    centre = np.array([height - 1, width - 1]) / 2
    one = image(np.uint16)[::-1].astype(float)
    expected = ndimage.affine_transform(
        one, matrix, centre - matrix @ centre, order=1, mode="grid-constant"
    )
    found = turned(image(np.uint16), 1, -1, degrees)
    assert np.abs(found - expected).max() < 2  # of 65535
    assert (found[0, 0], found[-1, -1]) == (0, 0)  # outside


def test_what_is_drawn_hangs_on_the_seed_alone():
    one, same, other = (augmentation.draw(500, (3, 0, epoch)) for epoch in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert one.shape == (500, 3)
    assert set(np.unique(one[:, :2])) == {-1.0, 1.0}
    assert abs(one[:, :2].mean()) < 0.1
    assert 9 < np.abs(one[:, 2]).max() <= augmentation.DEGREES
    assert abs(one[:, 2].mean()) < 1
