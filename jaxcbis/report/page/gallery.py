"""gallery.json: every test patch with its maps, for the report."""

import base64
import json
import re
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from jaxcbis.data.patches import Patches, eight_bit
from jaxcbis.errors import AGAIN, UserError
from jaxcbis.evaluation import overlap
from jaxcbis.machine import files

#: Widest picture in the report, in pixels.
SIDE = 224
#: At 80 and above, compression adds nothing that a person sees in a mammogram.
JPEG_QUALITY = 85
#: What an id of CBIS-DDSM says of its mammogram.
_VIEW = re.compile(r"_(LEFT|RIGHT)_(CC|MLO)(?:_|$)")
_PROJECTIONS = {"CC": "craniocaudal view (CC)", "MLO": "mediolateral oblique view (MLO)"}


def write(folder: Path, test: Patches, maps: NDArray, true_maps: NDArray | None = None) -> None:
    """Writes gallery.json with all patches, see `read`.

    Args:
      folder: of the run.
      test: the test patches.
      maps: [n, g, g] of the predicted class, at least 0.
      true_maps: [n, g, g] of the true class; None leaves them out.

    Raises:
      UserError: the file cannot be written.
    """
    patches = []
    for i in range(len(test)):
        patch = _patch(str(test.ids[i]), eight_bit(test.images[i]), test.masks[i])
        patch["map"] = shares(maps[i])
        if true_maps is not None:
            patch["true_map"] = shares(true_maps[i])
        patches.append(patch)
    content = {"grid": maps.shape[1], "side": test.masks.shape[1], "patches": patches}
    text = json.dumps(content, allow_nan=False)
    files.write(folder / "gallery.json", text, f"free space and {AGAIN}")


def read(folder: Path) -> dict:
    """Reads gallery.json of a run: {'grid', 'side', 'patches': [{'id', 'image', 'map', 'true_map',
    'outline'}]}.

    `image` is a JPEG file; `map` and `true_map`, of the predicted and of the true class, are grid x
    grid bytes, shares of the map's maximum in 255ths, row by row; all three in base64. `outline` is
    an SVG path over a square of side 1, around a mask of `side` pixels. Earlier versions have left
    no `side` and no `true_map`.

    Raises:
      UserError: the file is damaged.
    """
    path = folder / "gallery.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path} ({error}); delete it to report without") from error


def view_of(name: str) -> str:
    """Side and projection of the mammogram that a patch is of, in words; '' where its id has none.

    >>> view_of("Mass-Test_P_00016_LEFT_CC_1")
    'left breast, craniocaudal view (CC)'
    """
    found = _VIEW.search(name)
    return f"{found[1].lower()} breast, {_PROJECTIONS[found[2]]}" if found else ""


def maps_of(patch: dict, held: dict, threshold: float | None, *, right: bool) -> dict:
    """What the page shows of a patch's maps.

    Args:
      patch: one of `held["patches"]`.
      held: of `read`.
      threshold: share of a map's maximum from which on it counts, see `overlap.iou`; None draws no
        contour.
      right: whether the answer is; if so, the predicted class's map is that of the true class.

    Returns:
      {'grid', 'map', 'contour'} and, of a wrong answer whose true class has a map, {'true_map',
      'true_contour'}: maps as they are held, contours around what reaches the threshold as SVG
      paths over a square of side 1.
    """
    shown = {"grid": held["grid"], "map": patch["map"]}
    if not right and "true_map" in patch:
        shown["true_map"] = patch["true_map"]
    if threshold is not None:
        side = held.get("side", SIDE)
        for key, contour in (("map", "contour"), ("true_map", "true_contour")):
            if key in shown:
                shown[contour] = _contour(shown[key], held["grid"], side, threshold)
    return shown


def _patch(name: str, image: NDArray, mask: NDArray) -> dict[str, str]:
    return {"id": name, "image": jpeg(image, SIDE), "outline": outline(mask)}


def jpeg(image: NDArray, height: int) -> str:
    """A picture as a JPEG file in base64.

    Args:
      image: uint8 [rows, columns].
      height: the most rows; a larger picture is reduced.
    """
    rows, columns = image.shape
    if rows > height:
        size = (max(1, round(columns * height / rows)), height)
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    file = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    return _base64(file.tobytes())


def shares(heat: NDArray) -> str:
    """A map [rows, columns], at least 0, as `read` describes it."""
    peak = heat.max()
    share = heat / peak if peak > 0 else np.zeros_like(heat)
    return _base64(np.rint(share * 255).astype(np.uint8).tobytes())


def _contour(shares: str, grid: int, side: int, threshold: float) -> str:
    """The border of what reaches the threshold in a map of `shares`, as `outline` gives it.

    The map is enlarged to the masks' side first, as for its IoU.
    """
    coarse = np.frombuffer(base64.b64decode(shares), np.uint8).reshape(grid, grid)
    heat = cv2.resize(coarse.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
    return outline(overlap.above(heat, threshold))


def outline(mask: NDArray) -> str:
    """The border between a mask's pixels and the others, as an SVG path.

    Args:
      mask: [height, width], not 0 inside; its picture is taken for a square of side 1.
    """
    # At twice the size a border runs between pixels; a contour of cv2 runs through their centres.
    size = np.array(mask.shape[::-1])
    twice = cv2.resize(mask.astype(np.uint8), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(twice, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    path = ""
    for contour in contours:
        points = (cv2.approxPolyDP(contour, 1.5, closed=True)[:, 0] + 0.5) / (2 * size)
        path += "M" + "L".join(f"{x:.3f} {y:.3f}" for x, y in points) + "Z"
    return path


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
