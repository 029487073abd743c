"""A finished run asked about whole mammograms: windows all over them, each like a patch."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np

from jaxcbis.data import pictures
from jaxcbis.data.given import Given
from jaxcbis.data.pictures import Picture
from jaxcbis.detection import outlook, overlay
from jaxcbis.detection import sweep as sweeping
from jaxcbis.detection.sweep import Mark, Plan, Sweep
from jaxcbis.errors import UserError
from jaxcbis.labels import LABELS
from jaxcbis.machine.console import say, track, warn
from jaxcbis.models.inference import Track, untracked
from jaxcbis.runs import answers
from jaxcbis.runs.explain_patch import by_label
from jaxcbis.runs.finished import Finished, require
from jaxcbis.training.epoch_lines import duration


def sweep(
    run: Finished, mammogram: Given, window: int | None = None, track: Track = untracked
) -> Sweep:
    """Class probabilities all over a mammogram, see `jaxcbis.detection.sweep`.

    A window is as large as the lesions' crops that the run learned from, so that it shows a lesion
    at a size the run knows. Under the shifted protocol those are windows of 1.3 to 4 times their
    lesion, with the lesion anywhere inside: every window that holds one tells of it, so a box is a
    looser mark than of a run that learned lesions in the middle of their crops.

    Args:
      run: of `jaxcbis.load`.
      mammogram: one picture as of `jaxcbis.predict`: a path, a PIL image or an array.
      window: side in pixels of this mammogram that a lesion's crop would have; that of the crops
        which the run learned from if None, which is right at their mammograms' resolution.
      track: shows how far it is.

    Returns:
      Probabilities float64 [rows, columns, classes] of the windows and their boxes int32 [rows,
      columns, 4]; `suspicion` is the probability of any lesion, and `best` of
      `jaxcbis.detection.sweep` finds the windows that stand out.

    Raises:
      UserError: it is no run (also a ValueError), the run does not know its crops' size, a window
        does not fit, or the mammogram is of another kind or cannot be read, as of
        `jaxcbis.predict`.

    Examples:
      >>> found = jaxcbis.sweep(run, "mammogram.png")
      >>> found.probabilities.shape[-1], found.boxes.shape[-1]
      (5, 4)
    """
    require(run)
    planned = plan(run, answers.read(mammogram), side(run, window))
    return sweeping.sweep(partial(answers.predict, run), planned, track)


def side(run: Finished, window: int | None) -> int:
    """The side of a sweep's windows in a mammogram's pixels.

    Args:
      run, window: as of `sweep`.

    Raises:
      UserError: the run does not know its crops' size, or the window is too small.
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
    return wanted


def plan(run: Finished, mammogram: np.ndarray, window: int) -> Plan:
    """Lays windows over a mammogram, at no finer a resolution than the run learned from.

    Args:
      run: as of `sweep`.
      mammogram: uint8 [height, width].
      window: of `side`.

    Raises:
      UserError: the mammogram is smaller than a window; names one that fits, if that is known.
    """
    trained = run.results["model"].get("lesion_side")
    try:
        return sweeping.plan(mammogram, window, trained=None if trained is None else round(trained))
    except UserError as error:
        fitting = outlook.fitting_window(run.results, mammogram.shape)
        if fitting is None:
            raise
        raise UserError(f"{error}; about {fitting} here") from error


def misfit(run: Finished, mammogram: np.ndarray) -> str | None:
    """What to say where windows as large as the run's own crops do not fit; None where they do.

    Args:
      run, mammogram: as of `plan`.
    """
    fitting = outlook.fitting_window(run.results, mammogram.shape)
    rows = outlook.trained_rows(run.results)
    if fitting is None or rows is None:
        return None
    windows = plan(run, mammogram, fitting).looked_at.size
    return (
        f"this run learned crops of some {side(run, None)} pixels, on mammograms of about "
        f"{rows:.0f} rows; this one has {max(mammogram.shape)}: --window {fitting} fits it better "
        f"({windows} windows)"
    )


# Seven parameters: what a sweep is made of, and how it was asked for.
def foretell(
    run: Finished,
    mammogram: np.ndarray,
    planned: Plan,
    pace: Callable[[int], float],
    *,
    given: bool,
    count: int = 1,
) -> list[str]:
    """Says before a sweep how many windows there are, whether they fit, how long they will take.

    Args:
      run, mammogram: as of `plan`.
      planned: of `plan`.
      pace: `outlook.pace` of the run; asked only where the sweep is long.
      given: whether the user chose the windows' side, which is not doubted then.
      count: mammograms like this one that are to be swept.

    Returns:
      The notes.
    """
    windows = planned.looked_at.size
    x0, y0, x1, y1 = planned.boxes[0, 0]
    many = f" in the first of {count} mammograms" if count > 1 else ""
    say(f"  {windows} windows of {x1 - x0} x {y1 - y0} pixels that hold breast{many}")
    note = None if given else misfit(run, mammogram)
    if note:
        warn(note)
    if windows * count > outlook.WORTH_TIMING * outlook.batch():
        seconds = windows * count * pace(planned.side)
        say(f"  about {duration(seconds)}{' for all like it' if count > 1 else ''}")
    return [note] if note else []


def explainer(run: Finished, *, window: int | None, boxes: int) -> Callable[[Picture, Path], dict]:
    """What explains pictures of mammograms, for the command `explain`.

    Args:
      run: of `finished.load`.
      window: of `sweep`.
      boxes: how many of the best windows to mark.

    Returns:
      Takes a mammogram and the file where the sweep is drawn. Says how many windows there are, how
      long they will take and whether they fit, and then what is in them. Returns {'window': side in
      pixels, 'windows': looked at, 'boxes': [{'box', 'score', 'probabilities': {label: p}}],
      'sweep': the file, 'notes'}.
      Raises UserError where a window does not fit, or the file cannot be written.

    Raises:
      UserError: of `side`.
    """
    wide = side(run, window)
    given = window is not None
    answer = partial(answers.predict, run)
    pace = cache(partial(outlook.pace, answer))  # the same for all windows of a size

    def explain(picture: Picture, file: Path) -> dict:
        planned = plan(run, picture.pixels, wide)
        notes = foretell(run, picture.pixels, planned, pace, given=given)
        found = sweeping.sweep(answer, planned, track)
        marks = sweeping.best(found, boxes)
        shown = overlay.Picture(picture.pixels, found, marks)
        overlay.write(file, shown, run.results, str(run.folder))
        for rank, mark in enumerate(marks, 1):
            label = LABELS[int(mark.probabilities.argmax())]
            say(f"  {rank}. lesion {mark.lesion}, {label}, at {mark.box}")
        say(f"  maps: {file}")
        return {
            "window": wide, "windows": int(planned.looked_at.size),
            "boxes": [_told(mark) for mark in marks], "sweep": str(file), "notes": notes,
        }  # fmt: skip

    return explain


def _told(mark: Mark) -> dict:
    return {
        "box": list(mark.box),
        "score": mark.score,
        "probabilities": by_label(mark.probabilities),
    }
