"""A finished run asked about whole mammograms: windows all over them, each like a patch."""

from pathlib import Path

import numpy as np

from jaxcbis.data import pictures
from jaxcbis.data.pictures import Picture
from jaxcbis.detection import overlay
from jaxcbis.detection import sweep as sweeping
from jaxcbis.detection.sweep import Sweep
from jaxcbis.errors import UserError
from jaxcbis.labels import LABELS
from jaxcbis.machine.console import say, track
from jaxcbis.models.inference import Track, untracked
from jaxcbis.runs import answers
from jaxcbis.runs.explain import by_label
from jaxcbis.runs.finished import Finished


def sweep(
    run: Finished, mammogram: np.ndarray, window: int | None = None, track: Track = untracked
) -> Sweep:
    """Class probabilities all over a mammogram, see `jaxcbis.detection.sweep`.

    A window is as large as the lesions' crops that the run learned from, so that it shows a lesion
    at a size the run knows. Under the shifted protocol those are windows of 1.3 to 4 times their
    lesion, with the lesion anywhere inside: every window that holds one tells of it, so a box is a
    looser mark than of a run that learned lesions in the middle of their crops.

    Args:
      run: of `jaxcbis.load`.
      mammogram: uint8 [height, width].
      window: side in pixels of this mammogram that a lesion's crop would have; that of the crops
        which the run learned from if None, which is right at their mammograms' resolution.
      track: shows how far it is.

    Raises:
      UserError: the run does not know its crops' size, or a window does not fit.
      ValueError: the mammogram is of another kind.
    """
    trained = run.results["model"].get("lesion_side")
    if window is None and trained is None:
        raise UserError(
            f"{run.folder}: does not tell how large its lesion crops were; give --window N, the "
            "side of one in this mammogram's pixels"
        )
    wanted = round(trained) if window is None else window
    if wanted < pictures.SMALLEST:
        raise UserError(f"--window {wanted}: expected at least {pictures.SMALLEST}")
    return sweeping.sweep(
        lambda crops: answers.predict(run, crops),
        answers.require_grey(mammogram),
        wanted,
        trained=None if trained is None else round(trained),
        track=track,
    )


def explain(run: Finished, picture: Picture, file: Path, *, window: int | None, boxes: int) -> dict:
    """Explains the picture of a mammogram, for the command `explain`.

    Args:
      run: of `finished.load`.
      picture: of the mammogram.
      file: where the sweep is drawn.
      window: of `sweep`.
      boxes: how many of the best windows to mark.

    Returns:
      {'windows': looked at, 'boxes': [{'box', 'score', 'probabilities': {label: p}}], 'sweep': the
      file}.

    Raises:
      UserError: of `sweep`, or the file cannot be written.
    """
    found = sweep(run, picture.pixels, window, track)
    marks = sweeping.best(found, boxes)
    overlay.write(file, picture.pixels, found, marks)
    looked_at = int(np.isfinite(found.suspicion).sum())
    x0, y0, x1, y1 = found.boxes[0, 0]
    say(f"  {looked_at} windows of {x1 - x0} x {y1 - y0} pixels that hold breast")
    for rank, mark in enumerate(marks, 1):
        label = LABELS[int(mark.probabilities.argmax())]
        say(f"  {rank}. lesion {mark.score:.3f}, {label}, at {mark.box}")
    say(f"  maps: {file}")
    return {
        "windows": looked_at,
        "boxes": [
            {
                "box": list(mark.box),
                "score": mark.score,
                "probabilities": by_label(mark.probabilities),
            }
            for mark in marks
        ],
        "sweep": str(file),
    }
