"""The breast cut out of a mammogram, turned to the left, at one size for all."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from tfds_cbis import breast
from tfds_cbis.release.boxes import Box


class ViewCut(NamedTuple):
    """What is cut of a mammogram, and where it lay.

    Attributes:
      image: uint8 or uint16 [height, width], 0 outside the breast, whose chest wall is on the left.
      box: in pixels of the mammogram, out of which it may stick, with the proportions of the image.
      flipped: whether it is mirrored: the chest wall is on the mammogram's right.
      breast: uint8, of the mammogram's size, 1 on what was taken for the breast.
      note: why that is the whole film; '' where it is not.
    """

    image: np.ndarray
    box: Box
    flipped: bool
    breast: np.ndarray
    note: str

    def mask(self, mask: np.ndarray) -> np.ndarray:
        """Brings a mask of the mammogram to where it lies in the image.

        One that is too small to cover half of any pixel keeps all that it touches.

        Args:
          mask: uint8 of the mammogram's size, 0 or 255.

        Returns:
          uint8 [height, width], 0 or 255.
        """
        shares = _brought(mask, self.box, self.flipped, self.image.shape)
        inside = shares > 127
        return np.where(inside if inside.any() else shares > 0, 255, 0).astype(np.uint8)


def cut(film: np.ndarray, height: int, width: int) -> ViewCut:
    """Cuts the breast out of a mammogram.

    It is padded on the side that is away from the chest wall, or above and below alike, and then
    reduced by area or enlarged linearly.

    Args:
      film: uint8 or uint16 [rows, columns], bright is dense.
      height, width: of the image in pixels.
    """
    found = breast.find(film)
    box = _padded(cv2.boundingRect(found.region), found.on_right, (height, width))
    image = _brought(cv2.copyTo(film, found.region), box, found.on_right, (height, width))
    return ViewCut(image, box, found.on_right, found.region, found.note)


def _padded(inner: Sequence[int], flipped: bool, shape: tuple[int, int]) -> Box:
    """The least box of given proportions around x, y, width, height; to the nearest pixel."""
    x, y, wide, high = inner
    height, width = shape
    rows = max(high, math.ceil(wide * height / width))
    columns = round(rows * width / height)
    x0 = x + wide - columns if flipped else x
    y0 = y - (rows - high) // 2
    return Box(x0, y0, x0 + columns, y0 + rows)


def _brought(film: np.ndarray, box: Box, flipped: bool, shape: tuple[int, int]) -> np.ndarray:
    """A box of a film, with 0 where it sticks out, at a height and width."""
    rows, columns = film.shape
    inner = Box(max(box.x0, 0), max(box.y0, 0), min(box.x1, columns), min(box.y1, rows))
    around = (inner.y0 - box.y0, box.y1 - inner.y1, inner.x0 - box.x0, box.x1 - inner.x1)
    whole = cv2.copyMakeBorder(inner.crop(film), *around, cv2.BORDER_CONSTANT, value=0)
    if flipped:
        whole = cv2.flip(whole, 1)
    how = cv2.INTER_AREA if whole.shape[0] > shape[0] else cv2.INTER_LINEAR
    return cv2.resize(whole, shape[::-1], interpolation=how)
