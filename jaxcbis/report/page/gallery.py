"""The test patches with their maps: gallery.json for the report, and pictures of a few."""

import base64
import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from jaxcbis.data.dicom import eight_bit
from jaxcbis.data.patches import Patches
from jaxcbis.errors import UserError
from jaxcbis.labels import BACKGROUND, LABELS
from jaxcbis.machine import files
from jaxcbis.report.figures import figures

#: Widest picture in the report, in pixels.
SIDE = 224
#: At 80 and above, compression adds nothing that a person sees in a mammogram.
JPEG_QUALITY = 85


def write(
    folder: Path,
    test: Patches,
    maps: NDArray,
    probabilities: NDArray,
    iou: NDArray,
    title: str,
) -> None:
    """Writes gallery.json with all patches, cams/<id>.png of a few, and figures/cams.png.

    cams/ holds each class's surest hit and miss; figures/cams.png, as the paper's Figure 7, each
    lesion class's correct answer whose map meets the mask best, and below it worst.

    Args:
      folder: of the run.
      test: the test patches.
      maps: [n, grid, grid] of the predicted class, at least 0.
      probabilities: [n, 5].
      iou: [n], NaN on background.
      title: of figures/cams.png.

    Raises:
      UserError: a file cannot be written.
    """
    predicted, confidence = probabilities.argmax(1), probabilities.max(1)

    def overlay(i: int) -> NDArray[np.uint8]:
        size = test.images.shape[1:]
        heat = cv2.resize(maps[i], size, interpolation=cv2.INTER_LINEAR)
        return figures.overlay(eight_bit(test.images[i]), heat, test.masks[i])

    patches = [
        _patch(str(test.ids[i]), eight_bit(test.images[i]), test.masks[i], coarse)
        for i, coarse in enumerate(maps)
    ]
    text = json.dumps({"grid": maps.shape[1], "patches": patches}, allow_nan=False)
    advice = "free space and use --resume"
    files.write(folder / "gallery.json", text, advice)
    files.make_folder(folder / "cams", advice)
    for i in _surest(test.labels, predicted, confidence):
        path = folder / "cams" / f"{file_name(str(test.ids[i]))}.png"
        files.write(path, _encoded(".png", overlay(i)[..., ::-1]), advice)
    columns = [k for k in range(len(LABELS)) if k != BACKGROUND and (test.labels == k).any()]
    ranked = [
        sorted(
            np.flatnonzero((test.labels == k) & (predicted == k)).tolist(), key=lambda i: -iou[i]
        )
        for k in columns
    ]
    if columns:
        best = [items[0] if items else None for items in ranked]
        worst = [items[-1] if len(items) > 1 else None for items in ranked]
        figures.cams(
            folder / "figures" / "cams.png",
            [[None if i is None else overlay(i) for i in row] for row in (best, worst)],
            [
                [
                    LABELS[k] + ("\nnone" if i is None else f"\nIoU {iou[i]:.2f}")
                    for k, i in zip(columns, row, strict=True)
                ]
                for row in (best, worst)
            ],
            title,
        )


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


def _patch(name: str, image: NDArray, mask: NDArray, coarse: NDArray) -> dict[str, str]:
    if image.shape[0] > SIDE:
        image = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    peak = coarse.max()
    share = coarse / peak if peak > 0 else np.zeros_like(coarse)
    return {
        "id": name,
        "image": _base64(_encoded(".jpg", image)),
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


def _encoded(form: str, image: NDArray) -> bytes:
    parameters = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if form == ".jpg" else []
    return cv2.imencode(form, image, parameters)[1].tobytes()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _surest(labels: NDArray, predicted: NDArray, confidence: NDArray) -> list[int]:
    shown = []
    for label in range(len(LABELS)):
        for hit in (True, False):
            members = np.flatnonzero((labels == label) & ((predicted == label) == hit))
            if len(members):
                shown.append(int(members[confidence[members].argmax()]))
    return shown


def file_name(name: str) -> str:
    """A patch's id as the name of a file."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
