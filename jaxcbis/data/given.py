"""What a caller from Python has as pictures, to grey pixels of 8 bit."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from PIL import Image

from jaxcbis.data import pictures
from jaxcbis.data.patches import eight_bit
from jaxcbis.errors import InvalidValueError

#: One picture. An array is [height, width] or, with 1, 3 or 4 alike channels, [.., channels].
Given: TypeAlias = "np.ndarray | str | os.PathLike[str] | Image.Image"
#: One or several; an array of several has their number in front.
Several: TypeAlias = "Given | Iterable[Given]"

_CHANNELS = (1, 3, 4)
_EXPECTED = (
    "expected a grey or RGB picture: uint8, uint16 or floats in 0..1, [height, width] or "
    "[height, width, 3], a path or a PIL image"
)


class Grey(NamedTuple):
    """Pictures as a run is asked about them.

    Attributes:
      pictures: n of uint8 [height, width], bright is dense.
      single: whether one was given, and not a list of one.
      notes: what had to be assumed to read them.
    """

    pictures: list[np.ndarray]
    single: bool
    notes: list[str]


def several(images: Several) -> Grey:
    """Reads one picture or several.

    Raises:
      InvalidValueError: an array or an object is none of these, or there is none.
      UserError: a file cannot be read, see `pictures.read`; of several, it says which.
    """
    if isinstance(images, (str, os.PathLike, Image.Image)):
        return _one(images)
    if not hasattr(images, "__array__"):
        if not isinstance(images, Iterable):
            raise InvalidValueError(f"{type(images).__name__}: {_EXPECTED}")
        return _all(list(images))
    array = np.asarray(images)
    has_channels = array.ndim >= 3 and array.shape[-1] in _CHANNELS
    return _all(list(array)) if array.ndim - has_channels == 3 else _one(array)


def one(image: Given) -> tuple[np.ndarray, list[str]]:
    """Reads one picture.

    Returns:
      uint8 [height, width], bright is dense, and what had to be assumed to read it.

    Raises:
      InvalidValueError: it is an array or an object of another kind.
      UserError: it is a file that cannot be read, see `pictures.read`.
    """
    if isinstance(image, (str, os.PathLike)):
        path = Path(os.path.expanduser(image))
        pixels, notes = pictures.read(path)
        return pixels, [f"{path}: {note}" for note in notes]
    if isinstance(image, Image.Image):
        return _of_array(_of_pil(image))
    if not hasattr(image, "__array__"):
        raise InvalidValueError(f"{type(image).__name__}: {_EXPECTED}")
    return _of_array(np.asarray(image))


def _of_pil(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):  # 16 bit, in as many or in 32
        values = np.asarray(image)
        return values.astype(np.uint16) if values.min() >= 0 and values.max() < 2**16 else values
    known = image.mode in ("L", "F", "RGB", "RGBA")
    return np.asarray(image if known else image.convert("RGBA"))


def _one(image: Any) -> Grey:
    pixels, notes = one(image)
    return Grey([pixels], True, notes)


def _all(images: list) -> Grey:
    if not images:
        raise InvalidValueError("no image: expected at least one")
    found: list[np.ndarray] = []
    notes: list[str] = []
    for number, image in enumerate(images):
        try:
            pixels, said = one(image)
        except InvalidValueError as error:
            raise InvalidValueError(f"image {number}: {error}") from error
        found.append(pixels)
        notes += said
    return Grey(found, False, notes)


def _of_array(array: np.ndarray) -> tuple[np.ndarray, list[str]]:
    has_channels = array.ndim == 3 and array.shape[-1] in _CHANNELS
    if array.ndim - has_channels != 2:
        raise InvalidValueError(f"{array.dtype} {list(array.shape)}: {_EXPECTED}")
    height, width = array.shape[:2]
    if min(height, width) < pictures.SMALLEST:
        raise InvalidValueError(
            f"{width} x {height} pixels: expected at least {pictures.SMALLEST} x "
            f"{pictures.SMALLEST}"
        )
    notes: list[str] = []
    if array.dtype == np.uint8:
        levels = array
    elif array.dtype.kind == "u" and array.dtype.itemsize == 2:  # in either order of bytes
        levels, notes = _of_sixteen_bit(array.astype(np.uint16))
    elif array.dtype.kind == "f":
        levels = _of_floats(array)
    else:
        raise InvalidValueError(f"{array.dtype} {list(array.shape)}: {_EXPECTED}")
    return (_without_channels(levels) if has_channels else levels), notes


def _of_floats(array: np.ndarray) -> np.ndarray:
    if not np.isfinite(array).all():
        raise InvalidValueError("floats that are NaN or infinite: expected 0 to 1")
    least, most = float(array.min()), float(array.max())
    if least < 0 or most > 1:
        raise InvalidValueError(
            f"floats from {least:g} to {most:g}: expected 0 to 1; divide by the highest value that "
            "a pixel can have, or give uint8 or uint16"
        )
    return np.rint(array * 255.0).astype(np.uint8)


def _of_sixteen_bit(array: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """uint16 to uint8 by the rule for files that do not tell how many bits they use."""
    from tfds_cbis.release import depth  # here: its package loads TFDS

    lowest, highest, notes = depth.assumed_range(array)
    whole = depth.stretched(array, lowest, highest)
    return eight_bit(whole.reshape(len(whole), -1)).reshape(array.shape), notes


def _without_channels(array: np.ndarray) -> np.ndarray:
    """uint8 [height, width, channels] to [height, width], as files are read."""
    if array.shape[-1] == 1:
        return array[..., 0]
    from tfds_cbis.release import channels

    try:
        if array.shape[-1] == 4:
            channels.require_opaque(array[..., 3])
        return channels.grey(array[..., :3])
    except ValueError as error:
        raise InvalidValueError(str(error)) from error
