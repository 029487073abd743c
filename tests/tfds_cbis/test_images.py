"""Mammograms and masks, found by content."""

import cv2
import numpy as np
import pytest

from tests.tfds_cbis.toy_release import film, jpeg, mask
from tfds_cbis.release.cases import views
from tfds_cbis.release.files import Release
from tfds_cbis.release.images import (
    Unusable,
    decode,
    fit_mask,
    is_near_binary,
    read_mammogram,
    read_mask,
)

SHAPE = (120, 100)
MASK = mask(SHAPE, 20, 30, 60, 80)
CROP = film(50, 40, seed=1)


def test_decode_returns_the_grey_values():
    np.testing.assert_allclose(decode(jpeg(MASK)), MASK, atol=12)


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.99])
def test_a_truncated_jpeg_is_never_filled_with_grey(keep, capfd):
    data = jpeg(film(600, 500))
    with pytest.raises(Unusable, match="truncated"):
        decode(data[: int(len(data) * keep)])
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("scale", [1, 257])
def test_png_copies_of_a_releases_jpegs(scale, toy):
    pixels = film().astype(np.uint16) * scale if scale > 1 else film()
    png = cv2.imencode(".png", pixels)[1].tobytes()
    toy.add(files={"image/1-1.jpg": png, "mask/1-1.jpg": cv2.imencode(".png", MASK)[1].tobytes()})
    release = Release(toy.write())
    image, notes = read_mammogram(release, views(release.lesions()[0])[0])
    np.testing.assert_array_equal(image, film())
    assert image.dtype == np.uint8
    assert notes == []
    np.testing.assert_array_equal(read_mask(release, release.lesions()[0][0], SHAPE), MASK)


@pytest.mark.parametrize("data", [b"", b"no image\xff\xd9"])
def test_what_is_no_jpeg_is_refused(data):
    with pytest.raises(Unusable, match="unreadable"):
        decode(data)


def test_only_masks_are_near_binary():
    assert is_near_binary(decode(jpeg(MASK)))
    assert not is_near_binary(film())
    assert not is_near_binary(np.where(np.arange(12000).reshape(SHAPE) % 50, MASK, 128))


def test_a_mask_of_the_same_aspect_ratio_is_resized():
    fitted = fit_mask(mask((240, 200), 40, 60, 120, 160), SHAPE)
    np.testing.assert_array_equal(fitted, MASK)


def test_a_mask_of_another_aspect_ratio_says_both_sizes():
    with pytest.raises(Unusable, match="aspect ratio: 100 x 130, mammogram 100 x 120"):
        fit_mask(mask((130, 100), 20, 30, 60, 80), SHAPE)


def test_an_empty_mask():
    with pytest.raises(Unusable, match="mask empty"):
        fit_mask(np.zeros(SHAPE, np.uint8), SHAPE)


@pytest.mark.parametrize(
    "files",
    [
        {"mask/1-1.jpg": MASK, "mask/2-1.jpg": CROP},
        {"mask/1-1.jpg": CROP, "mask/2-1.jpg": MASK},
        {"mask/1-1.jpg": MASK, "crop/1-2.jpg": CROP},
        {"mask/1-1.jpg": CROP, "crop/1-2.jpg": MASK},
        {"mask/1-1.jpg": np.full((60, 50), 255, np.uint8), "mask/2-1.jpg": MASK},
        {"mask/1-1.jpg": jpeg(CROP)[:400], "mask/2-1.jpg": MASK},
    ],
    ids=["mask first", "crop first", "two folders", "folders swapped", "white crop", "bad crop"],
)
def test_the_mask_is_found_wherever_it_lies(toy, files):
    toy.add(files={"image/1-1.jpg": film(), **files})
    release = Release(toy.write())
    found = read_mask(release, release.lesions()[0][0], SHAPE)
    np.testing.assert_array_equal(found, MASK)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "missing mask: no image in its series folder"),
        ({"mask/1-1.jpg": CROP}, "missing mask: no near-binary image"),
        ({"mask/1-1.jpg": CROP, "mask/2-1.jpg": jpeg(MASK)[:-9]}, "2-1.jpg: unreadable image"),
        ({"mask/1-1.jpg": np.zeros(SHAPE, np.uint8)}, "mask empty"),
        ({"mask/1-1.jpg": mask((50, 90), 5, 5, 20, 20)}, "mask of another aspect ratio"),
    ],
    ids=["nothing", "crop only", "truncated", "empty", "aspect"],
)
def test_an_unusable_mask_says_why(toy, files, reason):
    toy.add(files={"image/1-1.jpg": film(), **files})
    release = Release(toy.write())
    with pytest.raises(Unusable, match=reason):
        read_mask(release, release.lesions()[0][0], SHAPE)


def test_the_mammogram_is_the_grey_image_of_its_folder(toy):
    toy.add(files={"image/1-1.jpg": MASK, "image/2-1.jpg": film(), "mask/1-1.jpg": MASK})
    release = Release(toy.write())
    image = read_mammogram(release, views(release.lesions()[0])[0]).pixels
    assert image.shape == SHAPE
    assert not is_near_binary(image)
