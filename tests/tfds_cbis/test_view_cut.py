"""The breast cut out of a film: what is kept, which way it looks, and where things lie then."""

import cv2
import numpy as np
import pytest

from tests.tfds_cbis.whole_film import breast_film
from tfds_cbis.view_cut import cut

SIZE = (96, 64)


def square(shape, x0: int, y0: int, side: int) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    mask[y0 : y0 + side, x0 : x0 + side] = 255
    return mask


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("on_right", [False, True])
@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((400, 300), SIZE), ((300, 400), SIZE), ((120, 90), SIZE), ((60, 50), SIZE),
        ((400, 300), (64, 96)),
    ],
)  # fmt: skip
def test_a_square_lands_where_the_box_says(shape, size, on_right, depth):
    """In the image as in its mask, to a pixel, whether reduced or enlarged, padded or mirrored."""
    film, _ = breast_film(*shape)
    side = shape[0] // 5
    mask = square(shape, side // 2, shape[0] // 2 - side // 2, side)
    film = np.where(mask > 0, 255, film // 2).astype(np.uint8)
    if on_right:
        film, mask = film[:, ::-1].copy(), mask[:, ::-1].copy()
    if depth == np.uint16:
        film = film.astype(np.uint16) * 257
    found = cut(film, *size)
    assert found.image.shape == size
    assert found.image.dtype == depth
    assert found.flipped == on_right
    assert not found.note

    x0, y0, x1, y1 = found.box
    scale = size[0] / (y1 - y0)
    assert scale == pytest.approx(size[1] / (x1 - x0), rel=0.02)
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    left, right = (
        (x1 - columns[-1] - 1, x1 - columns[0])
        if on_right
        else (columns[0] - x0, columns[-1] + 1 - x0)
    )
    expected = [left, right, rows[0] - y0, rows[-1] + 1 - y0]
    for seen in (found.mask(mask) > 0, found.image > 0.75 * np.iinfo(depth).max):
        down, across = np.nonzero(seen)
        bounds = [across.min(), across.max() + 1, down.min(), down.max() + 1]
        np.testing.assert_allclose(bounds, np.multiply(expected, scale), atol=1)


def test_both_sides_give_the_same_picture_mirrored():
    film, _ = breast_film(400, 300)
    one, other = cut(film, *SIZE), cut(film[:, ::-1].copy(), *SIZE)
    assert (one.flipped, other.flipped) == (False, True)
    np.testing.assert_array_equal(one.image, other.image)
    assert other.box == (300 - one.box.x1, one.box.y0, 300 - one.box.x0, one.box.y1)
    assert one.image[:, 0].any()
    assert not one.image[:, -1].any()


def test_labels_frame_and_dust_vanish():
    """What does not hang together with the breast, and what does by a frame alone."""
    film, inside = breast_film(1000, 700)
    plain = cut(film, *SIZE)
    cv2.putText(film, "R CC", (480, 120), cv2.FONT_HERSHEY_SIMPLEX, 3, 255, 12)
    film[700:704, 640:644] = 255
    film[:20] = film[-20:] = film[:, -16:] = 230
    film[:, :12] = np.maximum(film[:, :12], 60)  # along the chest wall, where it joins them
    found = cut(film, *SIZE)
    np.testing.assert_allclose(found.box, plain.box, atol=8)
    assert not found.breast[cv2.dilate(inside, np.ones((61, 61))) == 0].any()
    assert found.breast[inside > 0].mean() > 0.999


def test_a_lesion_at_the_chest_wall_is_kept_where_it_looks_like_a_frame():
    """A breast as high as the film is bright along the whole of the edge."""
    film = np.zeros((256, 256), np.uint8)
    film[3:253, :150] = 120
    found = cut(film, *SIZE)
    assert found.breast[3:253, 0].all()
    assert found.box.x0 == 0


def test_holes_in_a_breast_are_filled():
    film, inside = breast_film(400, 300)
    film[180:200, 60:80] = 5
    assert cut(film, *SIZE).breast[inside > 0].all()


@pytest.mark.parametrize(("level", "note"), [(0, "no breast"), (12, "no breast"), (90, "no edge")])
def test_a_film_without_a_breast_is_taken_whole(level, note):
    film = np.full((120, 100), level, np.uint8)
    found = cut(film, *SIZE)
    assert note in found.note
    assert found.breast.all()
    x0, y0, x1, y1 = found.box
    assert (x0, y0) == (0, -15)  # the longer side of the image decides; it is padded around
    assert (x1, y1) == (100, 135)
    assert not found.flipped


def test_a_mask_too_small_for_a_pixel_is_not_lost():
    film, _ = breast_film(960, 640)
    found = cut(film, 64, 64)
    assert found.mask(square(film.shape, 100, 480, 2)).any()
    assert not found.mask(np.zeros(film.shape, np.uint8)).any()
