"""Grey values of any range to those of 16 and of 8 bit: one rule for all that read pixels."""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

#: Bits that detectors, scanners and programs store; a file's own container often has more.
DEPTHS = (8, 10, 12, 14, 16)
#: The top of 16 bit, and what of it makes a level of 8 bit.
HIGHEST = 2**16 - 1
STEP = HIGHEST // 255


class Picture(NamedTuple):
    """A grey picture.

    Attributes:
      pixels: [height, width], uint8, or uint16 where the file has more than 8 bit; bright is dense.
      notes: what had to be assumed to read it.
    """

    pixels: np.ndarray
    notes: list[str]


def assumed_range(values: np.ndarray) -> tuple[float, float, list[str]]:
    """The range of values whose file does not tell how many bits of its container it uses.

    It is that of the fewest of 8, 10, 12, 14 and 16 bit that hold all values. It starts at 0 unless
    there is a value below. Fractions of 1 go from 0 to 1.

    Args:
      values: of any number type and shape.

    Returns:
      The lowest value, the highest one, and a note unless all 16 bit are used.

    Raises:
      ValueError: they need more, or are no finite numbers.
    """
    least, most = float(values.min()), float(values.max())
    if not np.isfinite([least, most]).all():
        raise ValueError("has pixels that are no finite numbers; save it as 16 bit")
    is_signed = least < 0
    if values.dtype.kind == "f" and max(-least, most) <= 1:
        lowest = -1 if is_signed else 0
        return lowest, 1, [f"its pixels are fractions, taken as {lowest} to 1"]
    for bits in DEPTHS:
        lowest = -(2 ** (bits - 1)) if is_signed else 0
        highest = lowest + 2**bits - 1
        if lowest <= least and most <= highest:
            break
    else:
        raise ValueError(
            f"has pixels from {least:g} to {most:g}, more than 16 bit hold; save it as 16 bit"
        )
    if is_signed:
        return lowest, highest, [f"taken as {bits} bit, signed: pixels from {least:g} to {most:g}"]
    note = f"taken as {bits} bit: no pixel is brighter than {most:g}"
    return lowest, highest, [note] * (bits < DEPTHS[-1])


def stretched(values: np.ndarray, lowest: float, highest: float) -> np.ndarray:
    """Stretches a range of values to that of uint16; what lies outside is cut off."""
    share = (values - float(lowest)) / (highest - float(lowest))
    return np.rint(share.clip(0, 1) * HIGHEST).astype(np.uint16)


def mapped(values: np.ndarray, curve: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """What `stretched` and its like make of values; of whole numbers each level is done once.

    Args:
      values: of any number type, [height, width]; whole numbers span 16 bit at most.
      curve: from values [n] to uint16 [n].

    Returns:
      uint16 [height, width]; the values themselves where nothing changes.
    """
    if values.dtype.kind == "f":
        return curve(values)
    least, most = int(values.min()), int(values.max())
    if most - least > HIGHEST:
        raise ValueError(f"has pixels from {least} to {most}, more than 16 bit hold")
    levels = np.arange(least, most + 1)
    table = curve(levels)
    if values.dtype == np.uint16 and np.array_equal(table, levels):
        return values
    found = np.empty(values.shape, np.uint16)
    for row, line in zip(found, values, strict=True):  # at once, indices would take four times more
        np.take(table, np.subtract(line, least, dtype=np.intp), out=row, mode="clip")
    return found


def eight_bit(image: np.ndarray) -> np.ndarray:
    """Rounds a uint16 image [height, width] to uint8; one of 8 bit stays as it is."""
    return image if image.dtype == np.uint8 else cv2.convertScaleAbs(image, alpha=1 / STEP)
