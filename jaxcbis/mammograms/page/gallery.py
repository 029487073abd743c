"""gallery.json of a mammogram run: test views with their maps, for the report."""

import base64
import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxcbis.data.mammograms import Views
from jaxcbis.data.patches import eight_bit
from jaxcbis.errors import AGAIN
from jaxcbis.machine import files
from jaxcbis.mammograms.page.answer import called_from
from jaxcbis.report.figures.overlay import INFERNO
from jaxcbis.report.page import gallery

#: The most views that a page holds, and the most rows of a picture in it: together some 10 MB.
MOST = 400
HEIGHT = 448
#: Classes of views, by label.
LABELS = ("not malignant", "malignant")


# Six parameters: what the views are, and what was said of them.
def keep(
    folder: Path,
    views: Views,
    probabilities: ArrayLike,
    maps: NDArray,
    flips: ArrayLike | None = None,
    most: int = MOST,
) -> None:
    """Writes gallery.json, see `read`.

    Where there are more views than a page can hold, those kept are spread evenly from the least to
    the most probable, so that neither successes nor failures are chosen.

    Args:
      folder: of the run.
      views: the test views.
      probabilities: [n] of malignancy.
      maps: [n, rows, columns] of malignancy, at least 0.
      flips: [n], probabilities with flips averaged, if there are any.
      most: views to keep.

    Raises:
      UserError: the file cannot be written.
    """
    of_views = np.asarray(probabilities, np.float64)
    averaged = None if flips is None else np.asarray(flips, np.float64)
    kept = []
    for i in _spread(of_views, most):
        view = _view(views, i, np.maximum(np.asarray(maps[i], np.float32), 0))
        view["probability"] = float(of_views[i])
        view["probability_flips"] = None if averaged is None else float(averaged[i])
        kept.append(view)
    content = {
        "grid": list(maps.shape[1:]), "size": list(views.images.shape[1:]), "total": len(of_views),
        "views": kept,
    }  # fmt: skip
    text = json.dumps(content, allow_nan=False)
    files.write(folder / "gallery.json", text, f"free space and {AGAIN}")


def read(folder: Path) -> dict | None:
    """Reads gallery.json of a mammogram run.

    Returns:
      {'grid', 'size', 'total', 'views': [{'id', 'patient', 'side', 'view', 'label', 'probability',
      'probability_flips', 'image', 'map', 'malignant', 'benign', 'masked'}]}: rows and columns of
      the maps and of the views, how many test views there are, and those that were kept. `image`
      is a JPEG file, `map` rows x columns bytes, shares of the map's maximum in 255ths, both in
      base64. `malignant` and `benign` are SVG paths around the lesions of a kind, over a square of
      side 1. None where the run has no such file.

    Raises:
      UserError: the file is damaged.
    """
    return gallery.read(folder) if (folder / "gallery.json").is_file() else None


def of_page(held: dict, results: dict) -> dict:
    """What the page's scripts read.

    Args:
      held: of `read`, not None.
      results: content of results.json.

    Returns:
      {'labels', 'colours', 'threshold', 'grid', 'size', 'total', 'patches'}; the last are the
      views, under the name that scripts of every gallery know. 'link' names one in the address.
    """
    links: dict[str, int] = {}
    found = []
    for view in held["views"]:
        repeat = links[view["id"]] = links.get(view["id"], -1) + 1
        found.append(view | {"link": f"{view['id']}~{repeat}" if repeat else view["id"]})
    return {
        "labels": LABELS,
        "colours": base64.b64encode(INFERNO.tobytes()).decode("ascii"),
        "threshold": called_from(results),
        "grid": held["grid"],
        "size": held["size"],
        "total": held["total"],
        "patches": found,
    }


def _view(views: Views, i: int, heat: NDArray) -> dict:
    benign = views.masks[i] & ~views.malignant_masks[i]
    return {
        "id": str(views.ids[i]),
        "patient": str(views.patients[i]),
        "side": str(views.sides[i]),
        "view": str(views.views[i]),
        "label": int(views.labels[i]),
        "image": gallery.jpeg(eight_bit(views.images[i]), HEIGHT),
        "map": gallery.shares(heat),
        "malignant": _outline(views.malignant_masks[i]),
        "benign": _outline(benign),
        "masked": bool(views.masked[i]),
    }


def _outline(mask: NDArray) -> str:
    """As of a patch, at the height of the page's picture: what is finer nobody sees."""
    if len(mask) > HEIGHT:
        size = (max(1, round(mask.shape[1] * HEIGHT / len(mask))), HEIGHT)
        mask = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    return gallery.outline(mask)


def _spread(probabilities: NDArray, most: int) -> list[int]:
    """Views to keep, in their order."""
    count = len(probabilities)
    if count <= most:
        return list(range(count))
    places = np.linspace(0, count - 1, most).round().astype(int)
    return sorted(np.argsort(probabilities, kind="stable")[places].tolist())
