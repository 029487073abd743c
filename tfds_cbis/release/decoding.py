"""Image files of any common kind to the values that they hold, told apart by content."""

import io
import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from tfds_cbis.release import channels, picture_kinds
from tfds_cbis.release.dicom import MAX_PIXELS

#: What Pillow calls the kinds that are read, and what people do.
FORMATS = ("PNG", "JPEG", "TIFF", "PPM", "BMP", "JPEG2000", "WEBP")
KINDS = "PNG, JPEG, TIFF, PGM, BMP, JPEG 2000, WebP or DICOM"
#: TIFF tags: a page's kind, bits of a value, whether 0 is white, whether colours lie in planes, and
#: whether values have a sign.
SUBFILE, BITS, PHOTOMETRIC, PLANES, SAMPLE_FORMAT = 254, 258, 262, 284, 339
#: EXIF's tag for it; of TIFF it is the format's own, which Pillow follows.
ORIENTATION = 274
TURNED = "its EXIF says to turn it: left as its pixels are stored, as in training"
#: Of TIFF's pages: a smaller copy, or a mask.
NO_PAGE = 1 | 4


class Decoded(NamedTuple):
    """The values of a picture.

    Attributes:
      values: [height, width] or, of red, green and blue, [height, width, 3], of any number type.
      highest: that its format tells; None where it does not.
      inverted: whether bright is low.
      notes: what had to be assumed.
    """

    values: np.ndarray
    highest: int | None = None
    inverted: bool = False
    notes: Sequence[str] = ()


def decode(data: bytes) -> Decoded:
    """Decodes an image file to the values that it holds.

    Raises:
      ValueError: with one line, if it is damaged, of another kind, in colour, transparent or of
        several pages.
    """
    with _damage_told(data):
        try:
            image = Image.open(io.BytesIO(data), formats=FORMATS)
        except UnidentifiedImageError:
            return _unknown_to_pillow(data)
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"{image.width} x {image.height} pixels, more than any mammogram has")
        _turn_to_only_page(image)
        packing = image.tile[0] if image.tile else None  # which loading forgets
        if packing and packing.codec_name in ("raw", "ppm") and data[:2] in (b"P5", b"P6"):
            return _pnm(data, image, packing)
        _load(image)
    found = _values(data, image, packing)
    return found._replace(notes=[TURNED]) if _is_turned(image) else found


def _values(data: bytes, image: Image.Image, packing: Any) -> Decoded:
    """Of an image that Pillow has loaded all bits, by another library where it keeps 8."""
    if image.mode.startswith("I") or image.mode == "F":
        return _deep(data, image)
    if image.format == "JPEG2000":
        bits, _ = _jpeg2000_depth(data)
    elif image.format == "TIFF":
        bits = max(_tag(image, BITS, (1,)))
    else:
        bits = 16 if ";16" in str(packing) else 8
    if bits > 8:  # of which Pillow keeps 8
        if image.format == "TIFF" and _tag(image, PLANES, 1) == 2:  # OpenCV would mix them up
            raise ValueError(
                "is a TIFF of colour planes, which is not read in 16 bit; save it as grey"
            )
        values = _by_opencv(data, cv2.IMREAD_UNCHANGED)
        if values.shape[2:] == (4,):
            channels.require_opaque(values[..., 3])
        colours = values if values.ndim == 2 else values[..., 2::-1]
        return Decoded(colours, 2**bits - 1 if 8 < bits < 16 else None)
    if image.format == "TIFF" and set(_tag(image, SAMPLE_FORMAT, ())) == {2}:
        return Decoded(np.asarray(image).view(np.int8))
    if image.mode in ("1", "L") and "transparency" not in image.info:
        return Decoded(np.asarray(image.convert("L")))
    shown = np.asarray(image.convert("RGBA"))
    channels.require_opaque(shown[..., 3])
    if image.format in ("JPEG", "MPO"):
        channels.require_grey(shown[..., :3])
        # As a release's JPEGs are decoded, to the same pixels.
        flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
        return Decoded(_by_opencv(data, flags))
    return Decoded(shown[..., :3])


def _load(image: Image.Image) -> None:
    try:
        image.load()
    except ValueError as error:  # of a plain PGM, say, that is cut off
        raise OSError(str(error)) from error


def _is_turned(image: Image.Image) -> bool:
    """Whether viewers turn or flip what the file holds."""
    try:
        return image.format != "TIFF" and image.getexif().get(ORIENTATION, 1) not in (0, 1)
    except Exception:  # a damaged EXIF, of many kinds, tells nothing
        return False


def _by_opencv(data: bytes, flags: int) -> np.ndarray:
    values = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if values is None:
        raise ValueError("damaged image; get the file again")
    return values


def _pnm(data: bytes, image: Image.Image, packing: Any) -> Decoded:
    """Of a PGM or PPM all bits, and the white that it tells of unless it is 16 bit's own."""
    if packing.codec_name == "ppm":
        white = packing.args[-1]
    else:
        white = 2**16 - 1 if ";16" in str(packing.args) else 255
    bands = len(image.getbands())
    count = image.width * image.height * bands
    if len(data) < packing.offset + count * (2 if white > 255 else 1):
        raise OSError("image file is truncated")
    values = np.frombuffer(data, ">u2" if white > 255 else "u1", count, packing.offset)
    values = values.reshape((image.height, image.width, bands)[: 2 if bands == 1 else 3])
    if white == 255:
        return Decoded(values)
    return Decoded(values.astype(np.uint16), None if white == 2**16 - 1 else white)


def _deep(data: bytes, image: Image.Image) -> Decoded:
    """Of one channel of more than 8 bit."""
    values = np.asarray(image)
    values = values.astype(values.dtype.newbyteorder("="))
    if image.format == "TIFF":
        inverted = _tag(image, PHOTOMETRIC, 1) == 0 and values.dtype.kind != "f"
        bits = _tag(image, BITS, (16,))[0]
        return Decoded(values, 2**bits - 1 if bits < 16 else None, inverted)
    if image.format == "JPEG2000":
        bits, is_signed = _jpeg2000_depth(data)
        values = values.astype(np.int32) >> (16 - bits)  # Pillow moves them to the top of 16
        values -= is_signed * 2 ** (bits - 1)
        return Decoded(values, 2**bits - 1 if bits < 16 and values.min() >= 0 else None)
    plain = image.format == "PPM" and data[:2] == b"P2"
    white = int(re.sub(rb"#[^\n]*", b"", data[:10_000]).split(maxsplit=4)[3]) if plain else 0
    # Pillow has stretched them to 16 bit.
    return Decoded(values, 2**16 - 1 if plain and white < 2**16 - 1 else None)


def _jpeg2000_depth(data: bytes) -> tuple[int, bool]:
    """Bits of the first component, and whether it has a sign: ISO/IEC 15444-1, A.5.1."""
    depth = data[data.index(b"\xff\x4f\xff\x51") + 42]
    return (depth & 0x7F) + 1, bool(depth & 0x80)


def _unknown_to_pillow(data: bytes) -> Decoded:
    if data[:4] in (b"II*\0", b"MM\0*"):  # Pillow knows no fractions of 64 bit
        values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if values is not None and values.dtype == np.float64 and values.ndim == 2:
            return Decoded(values)
    _refuse_rare_jpeg(data)
    kind = picture_kinds.name(data)
    what = f"is {kind}: not an image that is read" if kind else "not an image that is read"
    raise ValueError(f"{what}; expected {KINDS}")


def _turn_to_only_page(image: Image.Image) -> None:
    """Turns a TIFF to its page; copies of it in small, and its mask, count for none."""
    count = getattr(image, "n_frames", 1)
    if count == 1 or image.format == "MPO":
        return
    pages = list(range(count))
    if image.format == "TIFF":
        pages = [k for k in pages if not _page_kind(image, k) & NO_PAGE]
    if len(pages) > 1:
        raise ValueError(f"has {len(pages)} pages or frames, expected one; give one as an image")
    image.seek(pages[0] if pages else 0)


def _page_kind(image: Image.Image, page: int) -> int:
    image.seek(page)
    return _tag(image, SUBFILE, 0)


def _tag(image: Any, number: int, default: Any) -> Any:
    return image.tag_v2.get(number, default)


def _refuse_rare_jpeg(data: bytes) -> None:
    if kind := picture_kinds.rare_jpeg(data):
        raise ValueError(f"is {picture_kinds.to_convert(kind)}") from None


@contextmanager
def _damage_told(data: bytes) -> Iterator[None]:
    """Within it, what Pillow cannot decode becomes a line that says so."""
    try:
        yield
    except Image.DecompressionBombError as error:
        raise ValueError("more pixels than any mammogram has") from error
    except (OSError, SyntaxError, EOFError, IndexError, struct.error) as error:
        _refuse_rare_jpeg(data)
        raise ValueError(f"damaged image ({error}); get the file again") from error
