"""A few test patches with the map of the predicted class: each class's surest hit and miss."""

from pathlib import Path

import cv2
import numpy as np

from jaxcbis.data.patches import Patches
from jaxcbis.errors import UserError
from jaxcbis.labels import LABELS
from jaxcbis.report import figures


def write(folder: Path, test: Patches, maps: np.ndarray, probabilities: np.ndarray) -> None:
    """Writes cams/<id>.png for each and figures/cams.png with all of them.

    Args:
      folder: of the run.
      test: the test patches.
      maps: [n, size, size] of the predicted class, at least 0.
      probabilities: [n, 5].

    Raises:
      UserError: a file cannot be written.
    """
    predicted, confidence = probabilities.argmax(1), probabilities.max(1)
    shown = _surest(test.labels, predicted, confidence)
    try:
        (folder / "cams").mkdir(exist_ok=True)
        for i in shown:
            picture = figures.overlay(test.images[i], maps[i], test.masks[i])
            path = folder / "cams" / f"{_file_name(test.ids[i])}.png"
            path.write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
    except OSError as error:
        raise UserError(
            f"cannot write {folder / 'cams'}: {error.strerror or error}; free space and use "
            "--resume"
        ) from error
    titles = [
        f"{LABELS[test.labels[i]]}\npredicted {LABELS[predicted[i]]} {confidence[i]:.2f}"
        for i in shown
    ]
    path = folder / "figures" / "cams.png"
    figures.cams(path, test.images[shown], maps[shown], test.masks[shown], titles)


def _surest(labels: np.ndarray, predicted: np.ndarray, confidence: np.ndarray) -> list[int]:
    shown = []
    for label in range(len(LABELS)):
        for hit in (True, False):
            members = np.flatnonzero((labels == label) & ((predicted == label) == hit))
            if len(members):
                shown.append(int(members[confidence[members].argmax()]))
    return shown


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
