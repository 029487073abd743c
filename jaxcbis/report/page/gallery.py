"""gallery.json: every test patch with its map, for the report."""

import base64
import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from jaxcbis.data.patches import Patches, eight_bit
from jaxcbis.errors import AGAIN, UserError
from jaxcbis.machine import files

#: Widest picture in the report, in pixels.
SIDE = 224
#: At 80 and above, compression adds nothing that a person sees in a mammogram.
JPEG_QUALITY = 85


def write(folder: Path, test: Patches, maps: NDArray) -> None:
    """Writes gallery.json with all patches, see `read`.

    Args:
      folder: of the run.
      test: the test patches.
      maps: [n, g, g] of the predicted class, at least 0.

    Raises:
      UserError: the file cannot be written.
    """
    patches = [
        _patch(str(test.ids[i]), eight_bit(test.images[i]), test.masks[i], maps[i])
        for i in range(len(test))
    ]
    text = json.dumps({"grid": maps.shape[1], "patches": patches}, allow_nan=False)
    files.write(folder / "gallery.json", text, f"free space and {AGAIN}")


def read(folder: Path) -> dict:
    """Reads gallery.json of a run: {'grid', 'patches': [{'id', 'image', 'map', 'outline'}]}.

    `image` is a JPEG file and `map` grid x grid bytes, shares of the map's maximum in 255ths, row
    by row, both in base64; `outline` is an SVG path over a square of side 1.

    Raises:
      UserError: the file is damaged.
    """
    path = folder / "gallery.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path} ({error}); delete it to report without") from error


def _patch(name: str, image: NDArray, mask: NDArray, heat: NDArray) -> dict[str, str]:
    if image.shape[0] > SIDE:
        image = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    peak = heat.max()
    share = heat / peak if peak > 0 else np.zeros_like(heat)
    jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    return {
        "id": name,
        "image": _base64(jpeg.tobytes()),
        "map": _base64(np.rint(share * 255).astype(np.uint8).tobytes()),
        "outline": _outline(mask),
    }


def _outline(mask: NDArray) -> str:
    """The border between a mask's pixels and the others, as an SVG path over a square of side 1."""
    # At twice the size a border runs between pixels; a contour of cv2 runs through their centres.
    side = mask.shape[0]
    twice = cv2.resize(mask.astype(np.uint8), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(twice, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    path = ""
    for contour in contours:
        points = (cv2.approxPolyDP(contour, 1.5, closed=True)[:, 0] + 0.5) / (2 * side)
        path += "M" + "L".join(f"{x:.3f} {y:.3f}" for x, y in points) + "Z"
    return path


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
