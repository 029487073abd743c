"""Damage to mammograms and masks."""

import cv2
import numpy as np

from tests.tfds_cbis.damage import damage
from tests.tfds_cbis.healthy_release import SHAPE, Case, Known
from tests.tfds_cbis.toy_release import film, jpeg, mask, series
from tfds_cbis.release.images import decode

UNREADABLE = "unreadable image: "
#: Of WebP, for OpenCV.
LOSSLESS = (cv2.IMWRITE_WEBP_QUALITY, 101, cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000)


def either_image(case: Case, pick: int) -> tuple[str, set[str]]:
    """A mask or a mammogram, and the lesions that hang on it."""
    known = case.choose(pick // 2)
    if pick % 2:
        return known.mask, {known.id}
    return known.image, case.ids(case.of_view(known))


def replaced(name: str, outcome: str, words: str, content) -> None:
    """Enters a damage that replaces an image by content(bytes, pixels, share)."""

    def apply(case: Case, pick: int, share: float) -> set[str]:
        target, ids = either_image(case, pick)
        case.write(target, content(case.read(target), case.drawn[target], share))
        return ids

    apply.__name__ = name
    damage(outcome, words, stage="image")(apply)


def encoded(suffix: str, pixels: np.ndarray, *options: int) -> bytes:
    return cv2.imencode(suffix, pixels, options)[1].tobytes()


def with_size(data: bytes, side: int) -> bytes:
    """A JPEG whose header tells another size than it holds."""
    start = data.index(b"\xff\xc0") + 5
    return data[:start] + 2 * side.to_bytes(2, "big") + data[start + 4 :]


replaced("image of no bytes", "dropped", UNREADABLE + "is an empty file", lambda *_: b"")
replaced(
    "truncated image",
    "dropped",
    UNREADABLE + "the JPEG is truncated|no JPEG|not an image that is read|damaged image",
    lambda data, _, share: data[: 1 + int(share * (len(data) - 3))],
)
for suffix in (".tiff", ".bmp", ".webp", ".jp2"):
    replaced(
        f"{suffix[1:]} for a jpeg",
        "kept",
        "",
        lambda data, *_, suffix=suffix: encoded(suffix, decode(data), *LOSSLESS),
    )
replaced(
    "truncated png for a jpeg",
    "dropped",
    UNREADABLE + "damaged image",
    lambda _, pixels, __: encoded(".png", pixels)[:-40],
)
replaced(
    "16-bit tiff",
    "kept",
    "",
    lambda data, *_: encoded(".tiff", decode(data).astype(np.uint16) * 257),
)
replaced(
    "web page for an image",
    "dropped",
    UNREADABLE + "is a web page",
    lambda *_: b"<!doctype html><title>404</title>\n",
)
replaced(
    "pointer for an image",
    "dropped",
    UNREADABLE + "is a pointer of Git LFS in the file's place: git lfs pull",
    lambda *_: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
)
replaced(
    "12-bit jpeg",
    "dropped",
    UNREADABLE + "is a JPEG of 12 bit, which is not read; convert it",
    lambda *_: b"\xff\xd8\xff\xc1\x00\x0b\x0c" + bytes(40),
)
replaced(
    "bytes of chance",
    "dropped",
    UNREADABLE,
    lambda data, _, share: np.random.default_rng(int(share * 1e6)).bytes(len(data)),
)
replaced(
    "jpeg of 65000 x 65000 pixels",
    "dropped",
    "65000 x 65000 pixels",
    lambda data, *_: with_size(data, 65_000),
)
replaced("jpeg of 0 x 0 pixels", "dropped", UNREADABLE, lambda data, *_: with_size(data, 0))
replaced(
    "grey in three channels",
    "kept",
    "",
    lambda _, pixels, __: encoded(".jpg", cv2.merge([pixels] * 3), cv2.IMWRITE_JPEG_QUALITY, 95),
)
replaced(
    "progressive jpeg",
    "kept",
    "",
    lambda _, pixels, __: encoded(
        ".jpg", pixels, cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_PROGRESSIVE, 1
    ),
)
replaced("bytes behind the jpeg", "kept", "", lambda data, *_: data + b"\r\n\0\0")


@damage("dropped", "bytes")
def image_of_a_terabyte(case: Case, pick: int, share: float) -> set[str]:
    target, ids = either_image(case, pick)
    case.write(target, case.read(target)[:50])
    with case.path(target).open("r+b") as file:
        file.truncate(1 << 40)  # sparse: takes no room
    return ids


def masked(name: str, outcome: str, words: str, content) -> None:
    """Enters a damage that replaces a mask by content(mask)."""

    def apply(case: Case, pick: int, share: float) -> set[str]:
        known = case.choose(pick)
        case.write(known.mask, content(case.drawn[known.mask]))
        return {known.id}

    apply.__name__ = name
    damage(outcome, words, stage="image")(apply)


LARGE = "mask covers more than half of the mammogram"
masked("mask empty", "dropped", "^mask empty$", lambda pixels: 0 * pixels)
masked("mask full", "dropped", LARGE, lambda pixels: 0 * pixels + 255)
masked("mask inverted", "dropped", LARGE, lambda pixels: 255 - pixels)
masked("mask of ones", "dropped", "^mask empty$", lambda pixels: pixels // 255)
masked("mask in grey", "dropped", "no near-binary image", lambda pixels: pixels // 2)
masked("mask cut off", "dropped", "aspect ratio", lambda pixels: pixels[:90])
masked("mask turned", "dropped", "aspect ratio", lambda pixels: np.rot90(pixels))
masked("mask of one pixel", "dropped", "aspect ratio", lambda _: np.full((1, 1), 255, np.uint8))
masked("mask a row high", "dropped", "aspect ratio", lambda pixels: pixels[30:31])
masked("mask of twice the size", "kept", "", lambda pixels: pixels.repeat(2, 0).repeat(2, 1))


@damage("kept")
def mask_with_hundreds_of_specks(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    pixels = case.drawn[known.mask].copy()
    x0, y0, x1, y1 = known.box
    specks = np.zeros(SHAPE, np.uint8)
    specks[1:-1:4, 1:-1:4] = 255
    specks[max(y0 - 15, 0) : y1 + 15, max(x0 - 15, 0) : x1 + 15] = 0
    case.write(known.mask, encoded(".jpg", pixels | specks, cv2.IMWRITE_JPEG_QUALITY, 100))
    return {known.id}


@damage("kept")
def mask_at_the_border(case: Case, pick: int, share: float) -> set[str]:
    """The lesion reaches a side or a corner; its box ends there."""
    known = case.choose(pick)
    height, width = SHAPE
    x0 = (0, width - 17, 40)[pick % 3]
    y0 = (0, height - 23)[pick % 2]
    box = (x0, y0, x0 + 17, y0 + 23)
    case.write(known.mask, mask(SHAPE, *box))
    case.lesions[known.id] = known._replace(box=box)
    return {known.id}


def crop_of(case: Case, known: Known) -> str:
    """The name of a lesion's crop, beside its mask or in a folder of its own."""
    apart = f"jpeg/{series(f'{known.id}.crop')}/1-1.jpg"
    return apart if case.path(apart).exists() else known.mask.replace("1-2.jpg", "1-1.jpg")


@damage("dropped", "missing mask")
def mask_missing(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    case.path(known.mask).unlink()
    return {known.id}


@damage("kept")
def mask_missing_in_a_view_that_gives_backgrounds(case: Case, pick: int, share: float) -> set[str]:
    free = case.free(labelled=False)
    known = free[pick % len(free)]
    case.path(known.mask).unlink()
    case.barren.add(known.view_id)
    return {known.id}


@damage("kept")
def mask_and_crop_swapped(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    crop = crop_of(case, known)
    contents = case.read(known.mask), case.read(crop)
    case.write(crop, contents[0])
    case.write(known.mask, contents[1])
    return {known.id}


@damage("dropped", "missing mask")
def crop_for_the_mask(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    case.write(known.mask, case.read(crop_of(case, known)))
    return {known.id}


@damage("kept")
def crop_unreadable(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    case.write(crop_of(case, known), b"\xff\xd8 no picture")
    return {known.id}


@damage("dropped", "two different masks")
def mask_of_another_lesion_beside(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    other = next(x for x in case.lesions.values() if x.id != known.id)
    name = ("1-0.jpg", "1-9.jpg")[pick % 2]
    case.write(known.mask.replace("1-2.jpg", name), case.drawn[other.mask])
    return {known.id}


@damage("kept")
def mask_twice(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    case.write(known.mask.replace("1-2.jpg", "1-3.jpg"), case.read(known.mask))
    return {known.id}


@damage("dropped", "missing mammogram")
def mammogram_missing(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    case.path(known.image).unlink()
    return case.ids(case.of_view(known))


@damage("dropped", "black and white")
def mask_for_the_mammogram(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    case.write(known.image, case.read(known.mask))
    return case.ids(case.of_view(known))


@damage("dropped", "black and white")
def mammogram_black(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    case.write(known.image, np.zeros(SHAPE, np.uint8))
    return case.ids(case.of_view(known))


@damage("dropped", "two different mammograms")
def mammogram_of_another_beside(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    name = ("1-0.jpg", "1-9.jpg")[pick % 2]
    case.write(known.image.replace("1-1.jpg", name), film(*SHAPE, seed=99))
    return case.ids(case.of_view(known))


@damage("kept")
def thumbnail_beside_the_mammogram(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    small = cv2.resize(case.drawn[known.image], (25, 30))
    case.write(known.image.replace("1-1.jpg", "1-0.jpg"), jpeg(small))
    return case.ids(case.of_view(known))


@damage("dropped", "aspect ratio")
def mammogram_of_another_shape(case: Case, pick: int, share: float) -> set[str]:
    known = case.choose(pick)
    case.write(known.image, film(90, 130, seed=pick))
    return case.ids(case.of_view(known))
