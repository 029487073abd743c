"""A class activation map over its patch."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxcbis.machine import files
from jaxcbis.report.figures.style import SKY

#: uint8 [256, 3], RGB: the colour of each level of a map, from cold to hot.
INFERNO = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[None], cv2.COLORMAP_INFERNO)[0, :, ::-1]


def overlay(image: ArrayLike, heat: ArrayLike, mask: ArrayLike) -> NDArray[np.uint8]:
    """Lays a map over a patch; the lesion's outline is drawn where it has a mask.

    Args:
      image: [height, width] uint8.
      heat: map of the same shape, at least 0, shown as share of its maximum; where it is 0 the
        patch shows.
      mask: bool of the same shape.

    Returns:
      [height, width, 3] uint8, RGB.
    """
    image, heat = np.asarray(image), np.asarray(heat, dtype=np.float32)
    share = heat / max(float(heat.max()), np.finfo(np.float32).tiny)
    colours = INFERNO[np.minimum(share * 256, 255).astype(np.uint8)]
    opacity = 0.6 * share[..., None]
    blended = np.rint(image[..., None] * (1 - opacity) + colours * opacity).astype(np.uint8)
    outlines, _ = cv2.findContours(
        np.asarray(mask).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    canvas = np.ascontiguousarray(blended)
    cv2.drawContours(canvas, outlines, -1, SKY, thickness=max(1, image.shape[0] // 112))
    return canvas


def over(image: NDArray, heat: NDArray) -> NDArray[np.uint8]:
    """Lays a square map over a patch of any shape.

    Args:
      image: uint8 [height, width]; enlarged to the map's size if smaller, in its own shape.
      heat: float32 [size, size], at least 0, stretched to the patch.

    Returns:
      [height, width, 3] uint8, RGB, whose shorter side is at least as long as the map's.
    """
    factor = max(len(heat) / min(image.shape), 1)
    size = round(image.shape[1] * factor), round(image.shape[0] * factor)
    shown = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    stretched = cv2.resize(heat, size, interpolation=cv2.INTER_LINEAR)
    return overlay(shown, stretched, np.zeros(shown.shape, bool))


def write(path: Path, image: NDArray, heat: NDArray) -> None:
    """Writes what `over` draws as a PNG file.

    Raises:
      UserError: the file cannot be written.
    """
    files.make_folder(path.parent)
    files.write(path, as_png(over(image, heat)))


def as_png(picture: NDArray[np.uint8]) -> bytes:
    """A picture [height, width, 3], RGB, as a PNG file."""
    return cv2.imencode(".png", picture[..., ::-1])[1].tobytes()


def file_name(name: str) -> str:
    """A patch's id as the name of a file."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
