"""Pictures as a caller from Python has them: the same pixels, however they are handed over."""

import numpy as np
import pytest
from PIL import Image

from jaxcbis.data import given
from jaxcbis.errors import InvalidValueError, MissingFileError

GREY = np.random.default_rng(0).integers(0, 256, (9, 12)).astype(np.uint8)


@pytest.mark.parametrize(
    "same",
    [
        GREY,
        GREY[..., None],
        np.stack([GREY] * 3, axis=-1),
        np.concatenate(
            [np.stack([GREY] * 3, axis=-1), np.full((9, 12, 1), 255, np.uint8)], axis=-1
        ),
        GREY.astype(np.uint16) * 257,
        GREY / 255,
        (GREY / 255).astype(np.float32)[..., None],
        Image.fromarray(GREY),
        Image.fromarray(GREY).convert("RGB"),
        Image.fromarray(GREY).convert("RGBA"),
        Image.fromarray(GREY).convert("P"),
        Image.fromarray(GREY.astype(np.uint16) * 257),
        Image.fromarray(GREY.astype(np.int32) * 257),
        (GREY.astype(np.uint16) * 257).astype(">u2"),
    ],
)
def test_every_kind_gives_the_same_pixels(same):
    found = given.several(same)
    assert found.single
    np.testing.assert_array_equal(found.pictures[0], GREY)
    assert found.pictures[0].dtype == np.uint8
    assert found.notes == []


def test_a_list_an_array_and_a_path_mix(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    for several in (
        [tmp_path / "a.png", GREY],
        (GREY, str(tmp_path / "a.png")),
        iter([GREY, GREY / 255]),
        np.stack([GREY, GREY]),
        np.stack([[GREY, GREY]] * 3, axis=-1),
    ):
        found = given.several(several)
        assert not found.single
        assert len(found.pictures) == 2
        for picture in found.pictures:
            np.testing.assert_array_equal(picture, GREY)
    assert not given.several([GREY]).single


def test_fewer_bits_than_sixteen_are_assumed_and_told():
    found = given.several(np.full((8, 8), 1000, np.uint16))
    assert found.notes == ["taken as 10 bit: no pixel is brighter than 1000"]
    assert (found.pictures[0] == round(1000 / 1023 * 255)).all()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([], "no image: expected at least one"),
        (np.full((8, 8), np.nan), "floats that are NaN or infinite: expected 0 to 1"),
        (np.full((8, 8), np.inf), "floats that are NaN or infinite"),
        (np.full((8, 8), 1.5), "floats from 1.5 to 1.5: expected 0 to 1; divide by"),
        (np.full((8, 8), -0.1), "floats from -0.1 to -0.1: expected 0 to 1"),
        (np.zeros((8, 8), int), r"int64 \[8, 8\]: expected a grey or RGB picture"),
        (np.zeros((8, 8), bool), r"bool \[8, 8\]: expected a grey or RGB picture"),
        (np.zeros(8), r"float64 \[8\]: expected a grey or RGB picture"),
        (np.zeros((1, 1, 8, 8, 3)), r"float64 \[1, 1, 8, 8, 3\]: expected"),
        ([np.zeros((2, 8, 8))], r"image 0: float64 \[2, 8, 8\]: expected"),
        ([GREY, np.zeros((8, 7))], "image 1: 7 x 8 pixels: expected at least 8 x 8"),
        ([GREY, 3], "image 1: int: expected a grey or RGB picture"),
        (Image.fromarray(np.full((8, 8), 70000, np.int32)), r"int32 \[8, 8\]: expected"),
        (3, "int: expected a grey or RGB picture"),
        (np.eye(3)[np.zeros((8, 8), int)], "a colour image"),
        (np.zeros((8, 8, 4)), "has transparent pixels"),
    ],
)
def test_what_is_no_picture_is_told_in_one_line(wrong, said):
    with pytest.raises(InvalidValueError, match=said) as caught:
        given.several(wrong)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(MissingFileError, match=r"none.png: cannot be read"):
        given.several([GREY, tmp_path / "none.png"])
