"""The patch run swept over the test mammograms: the baseline that needs no training."""

import json
import math
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxcbis.data.patches import eight_bit
from jaxcbis.data.prepared import user_errors
from jaxcbis.detection import mammograms
from jaxcbis.detection import sweep as sweeping
from jaxcbis.errors import UserError
from jaxcbis.evaluation.metrics import MALIGNANT
from jaxcbis.machine import files, hosts
from jaxcbis.machine.console import track
from jaxcbis.runs import answers
from jaxcbis.runs.finished import Finished
from tfds_cbis.release.cases import View, views
from tfds_cbis.release.files import Release
from tfds_cbis.release.images import Unusable, read_mammogram

#: Marks kept of a mammogram, the best ones: a free-response curve up to 8 false positives per image
#: needs no more.
MARKS = 50
#: Where the sweeps of a patch run are kept, in the folder of the member that stands on it.
FILE = "sweep.json"


class Marks(NamedTuple):
    """What the sweep of a mammogram comes to.

    Attributes:
      highest: probability of a malignant lesion in the window where it is highest; NaN where the
        mammogram could not be swept.
      boxes: int32 [k, 4], windows that hardly overlap, the best first: x0, y0, x1, y1 in the
        mammogram's pixels.
      scores: float64 [k], the probability in each.
      seconds: that it took.
      reason: why it could not be swept; '' where it was.
    """

    highest: float
    boxes: np.ndarray
    scores: np.ndarray
    seconds: float
    reason: str


def side(run: Finished) -> int:
    """The side of the windows in pixels of a mammogram: that of the run's own lesion crops.

    Raises:
      UserError: the run cannot be swept; known before anything is trained.
    """
    try:
        return mammograms.side(run, None)
    except UserError as reason:
        crops = run.results["model"].get("lesion_side")
        size = "it does not tell how large its lesion crops were"
        if crops is not None:
            size = f"its lesion crops of {crops:.0f} pixels are too small"
        raise UserError(
            f"{run.folder}: cannot be swept over mammograms, {size}; add --no-sweep"
        ) from reason


def sweep(run: Finished, data: Path, ids: Sequence[str], file: Path) -> list[Marks]:
    """Sweeps test mammograms of a release at their own resolution, as `froc` does.

    Args:
      run: the patch run.
      data: the release.
      ids: of the views.
      file: where sweeps are kept as they come; those that it holds are not done again.

    Returns:
      One for each id.

    Raises:
      UserError: the release or the run cannot be used, or the file cannot be written.
    """
    kept: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    hosts.wait_for_all("what was swept before is read")  # then the first one writes
    window = side(run)
    with user_errors(), Release(data) as release:
        lesions, _ = release.lesions()
        every = {view.id: view for view in views(lesions) if view.split == "test"}
        for name in track([name for name in ids if name not in kept], "sweeps"):
            kept[name] = _swept(run, release, every[name], window)
            if hosts.first():
                files.write(file, json.dumps(kept))
    return [_marks(kept[name]) for name in ids]


def _swept(run: Finished, release: Release, view: View, window: int) -> dict[str, Any]:
    """What is kept of the sweep of a view, in JSON values."""
    began = time.perf_counter()
    try:
        image, _ = read_mammogram(release, view)
        planned = mammograms.plan(run, eight_bit(image), window)
    except (Unusable, UserError) as reason:  # a window may be larger than the film
        return {"reason": str(reason)}
    if not planned.looked_at.size:
        return {"reason": "no window holds enough breast"}
    found = sweeping.sweep(partial(answers.predict, run), planned)
    malignant = found.probabilities[..., MALIGNANT].sum(-1)
    best = sweeping.ranked(found, malignant)[:MARKS]
    return {
        "highest": float(np.nanmax(malignant)),
        "boxes": [list(mark.box) for mark in best],
        "scores": [mark.score for mark in best],
        "seconds": time.perf_counter() - began,
    }


def _marks(kept: dict[str, Any]) -> Marks:
    return Marks(
        kept.get("highest", math.nan),
        np.array(kept.get("boxes", []), np.int32).reshape(-1, 4),
        np.array(kept.get("scores", []), np.float64),
        kept.get("seconds", math.nan),
        kept.get("reason", ""),
    )
