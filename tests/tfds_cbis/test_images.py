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
    np.testing.assert_array_equal(read_mask(release, release.lesions()[0][0], film()), MASK)


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


@pytest.mark.parametrize("cropped", [(3, 0), (20, 0), (0, 2), (12, 1)])
def test_a_mask_cut_off_by_more_than_rounding_is_not_stretched(cropped):
    """Real sizes: a hundredth of 4000 pixels is 40."""
    whole = mask((4000, 2500), 1000, 2000, 1400, 2500)
    with pytest.raises(Unusable, match="mask cropped, not scaled: another aspect ratio"):
        fit_mask(whole[: 4000 - cropped[0], : 2500 - cropped[1]], whole.shape)


@pytest.mark.parametrize("scale", [0.1, 0.25, 0.3333, 0.5, 0.77, 1.5])
@pytest.mark.parametrize("rounded", [np.floor, np.rint, np.ceil])
def test_a_mask_that_was_scaled_and_rounded_fits(scale, rounded):
    whole = mask((2232, 1424), 400, 600, 800, 1400)
    height, width = (int(rounded(side * scale)) for side in whole.shape)
    scaled = cv2.resize(whole, (width, height), interpolation=cv2.INTER_NEAREST)
    fitted = fit_mask(scaled, whole.shape)
    assert np.count_nonzero(fitted != whole) < 0.1 * np.count_nonzero(whole)


#: A mammogram with something to recognise at each place, and a lesion there.
BREAST = cv2.GaussianBlur(np.random.default_rng(3).integers(0, 256, (480, 400)).astype(np.uint8),
                          (0, 0), 2)  # fmt: skip
BOX = (250, 300, 310, 380)
WHOLE = mask(BREAST.shape, *BOX)


def crop_of(margin: int) -> np.ndarray:
    x0, y0, x1, y1 = BOX
    return BREAST[y0 - margin : y1 + margin, x0 - margin : x1 + margin]


@pytest.mark.parametrize("margin", [0, 12])
@pytest.mark.parametrize("crop_scale", [1, 0.5], ids=["crop", "small crop"])
def test_a_scaled_mask_lies_on_its_lesion_s_crop(toy, margin, crop_scale):
    crop = cv2.resize(crop_of(margin), None, fx=crop_scale, fy=crop_scale,
                      interpolation=cv2.INTER_AREA)  # fmt: skip
    toy.add(files={"image/1.jpg": BREAST, "mask/1.jpg": WHOLE[::2, ::2], "mask/2.jpg": crop})
    release = Release(toy.write())
    np.testing.assert_array_equal(read_mask(release, release.lesions()[0][0], BREAST), WHOLE)


@pytest.mark.parametrize(
    ("cropped", "margin"),
    [
        (WHOLE[:432, :360], 0),
        (WHOLE[:432, :360], 12),
        (WHOLE[48:, 40:], 0),
        (WHOLE[48:, 40:], 12),
        (WHOLE[24:-24, 20:-20], 0),
        (WHOLE[:-96, :-80], 12),
    ],
)
def test_a_mask_cropped_to_the_same_aspect_is_dropped(toy, cropped, margin):
    toy.add(files={"image/1.jpg": BREAST, "mask/1.jpg": cropped, "mask/2.jpg": crop_of(margin)})
    release = Release(toy.write())
    size = f"{cropped.shape[1]} x {cropped.shape[0]}, mammogram 400 x 480"
    with pytest.raises(Unusable, match=f"cropped, not scaled: off its lesion's crop: {size}"):
        read_mask(release, release.lesions()[0][0], BREAST)


def test_without_a_crop_that_is_found_a_mask_of_the_same_aspect_is_scaled(toy):
    toy.add(files={"image/1.jpg": BREAST, "mask/1.jpg": WHOLE[::2, ::2], "mask/2.jpg": CROP})
    release = Release(toy.write())
    np.testing.assert_array_equal(read_mask(release, release.lesions()[0][0], BREAST), WHOLE)


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
    found = read_mask(release, release.lesions()[0][0], film())
    np.testing.assert_array_equal(found, MASK)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "missing mask: no image in its series folder"),
        ({"mask/1-1.jpg": CROP}, "missing mask: no near-binary image"),
        ({"mask/1-1.jpg": CROP, "mask/2-1.jpg": jpeg(MASK)[:-9]}, "2-1.jpg: unreadable image"),
        ({"mask/1-1.jpg": np.zeros(SHAPE, np.uint8)}, "mask empty"),
        (
            {"mask/1-1.jpg": mask((50, 90), 5, 5, 20, 20)},
            "mask cropped, not scaled: another aspect ratio",
        ),
    ],
    ids=["nothing", "crop only", "truncated", "empty", "aspect"],
)
def test_an_unusable_mask_says_why(toy, files, reason):
    toy.add(files={"image/1-1.jpg": film(), **files})
    release = Release(toy.write())
    with pytest.raises(Unusable, match=reason):
        read_mask(release, release.lesions()[0][0], film())


def test_the_mammogram_is_the_grey_image_of_its_folder(toy):
    toy.add(files={"image/1-1.jpg": MASK, "image/2-1.jpg": film(), "mask/1-1.jpg": MASK})
    release = Release(toy.write())
    image = read_mammogram(release, views(release.lesions()[0])[0]).pixels
    assert image.shape == SHAPE
    assert not is_near_binary(image)
