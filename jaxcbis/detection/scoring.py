"""The command `froc`: how well sweeps of whole mammograms find the lesions of a release."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from jaxcbis.data import summary
from jaxcbis.detection import curve, films, mammograms, overlay
from jaxcbis.detection import sweep as sweeping
from jaxcbis.detection.films import Film
from jaxcbis.detection.froc import froc, hits
from jaxcbis.detection.sweep import Mark, Sweep
from jaxcbis.errors import UserError
from jaxcbis.machine import backend, files
from jaxcbis.machine.console import say, track, warn
from jaxcbis.records import results
from jaxcbis.report.figures import saving
from jaxcbis.report.tables import run_name
from jaxcbis.runs.explain import cautions
from jaxcbis.runs.finished import Finished, load
from tfds_cbis.release.cases import View
from tfds_cbis.release.files import Release

SCHEMA = 1
#: Boxes shown in a picture; all of them count in the figures.
SHOWN = 5
#: Draws of random scores that chance is averaged over.
DRAWS = 20


class Scored(NamedTuple):
    """The marks of one mammogram.

    Attributes:
      scores: float64 [k].
      found: bool [k, lesions], which lesions each mark hits.
    """

    scores: np.ndarray
    found: np.ndarray


def run(data: Path, run: Path, output: Path, *, window: int | None = None) -> dict:
    """Sweeps the test mammograms that hold a target lesion, and scores the marks by the masks.

    A mark is a window; windows that overlap a better one are left out. It finds a lesion if its
    centre lies in the lesion's mask. Marks in a BENIGN_WITHOUT_CALLBACK lesion count neither way.
    Beside the model stand the same windows ranked by what needs no training: their mean brightness,
    and chance.

    Args:
      data: the Kaggle or the DICOM release; the sweep looks at 8 bit of either.
      run: folder of a finished run.
      output: folder of froc.json, froc.png and `<view>-sweep.png`.
      window: side of a window in pixels of the mammograms, see `mammograms.sweep`.

    Returns:
      The content of froc.json: {'schema', 'run', 'data', 'window', 'notes', 'dropped': [{'id',
      'reason'}], 'seconds_per_mammogram' (median, of the sweep alone), 'model', 'brightness',
      'chance'}, the last three as of `froc.froc`; chance, the mean of random draws, has only
      'sensitivity_at'.

    Raises:
      UserError: the run or the release cannot be used, or a file cannot be written.
    """
    with films.with_targets(data) as (release, views):
        backend.start("auto")
        finished = load(run)
        say(f"{run_name(finished.results)}, from {run}, on {len(views)} test mammograms of {data}")
        notes = [*release.notes, *cautions(finished.results)]
        for note in notes:
            warn(note)
        files.make_folder(output, "choose another --output")
        scored, seconds, dropped, assumed = _sweep(finished, release, views, output, window)
    if not scored:
        raise UserError(f"{data}: no test mammogram with a lesion and its mask; check the release")
    for note in (told := summary.assumptions(assumed)):
        warn(note)
    answer = {
        "schema": SCHEMA,
        "run": str(run),
        "data": str(data),
        "window": window or finished.results["model"]["lesion_side"],
        "notes": notes + told,
        "dropped": dropped,
        "seconds_per_mammogram": float(np.median(seconds)),
        **figures(scored),
    }
    results.write(output / "froc.json", answer)
    saving.png(output / "froc.png", curve.draw(answer))
    curve.show(answer)
    say(f"{answer['seconds_per_mammogram']:.1f} s per mammogram. Results: {output / 'froc.json'}")
    return answer


def _sweep(
    run: Finished, release: Release, views: Sequence[View], output: Path, window: int | None
) -> tuple[list[list[Scored]], list[float], list[dict], list[dict]]:
    """Sweeps and scores the films.

    Returns:
      The scores; the seconds that each sweep took; what was left out, and what was assumed to read
      a film, both [{'id', 'reason'}].
    """
    scored, seconds, dropped, assumed = [], [], [], []
    noise = np.random.default_rng(0)
    for view in track(views, "mammograms"):
        try:
            film = films.read(release, view)
        except films.Unusable as reason:
            dropped.append({"id": view.id, "reason": str(reason)})
            continue
        assumed += [{"id": view.id, "reason": note} for note in film.notes]
        began = time.perf_counter()
        found = mammograms.sweep(run, film.pixels, window)
        seconds.append(time.perf_counter() - began)
        marks = sweeping.best(found, SHOWN)
        overlay.write(output / f"{view.id}-sweep.png", film.pixels, found, marks, film.masks)
        scored.append(score(film, found, noise))
    return scored, seconds, dropped, assumed


def score(film: Film, found: Sweep, noise: np.random.Generator) -> list[Scored]:
    """Ranks the windows of a film by the model, by brightness and DRAWS times at random.

    Returns:
      The marks of each ranking, in that order.
    """
    rankings = [found.suspicion, brightness(film.pixels, found.boxes)]
    rankings += [noise.random(found.suspicion.shape) for _ in range(DRAWS)]
    return [judge(sweeping.ranked(found, by), film.masks, film.ignored) for by in rankings]


def judge(
    marks: Sequence[Mark], masks: Sequence[np.ndarray], ignored: Sequence[np.ndarray]
) -> Scored:
    """What marks hit; one that hits only a lesion to be ignored is left out.

    Args:
      marks: of one mammogram.
      masks, ignored: of a Film.
    """
    boxes = np.array([mark.box for mark in marks]).reshape(-1, 4)
    found = hits(boxes, masks)
    counts = found.any(axis=1) | ~hits(boxes, ignored).any(axis=1)
    return Scored(np.array([mark.score for mark in marks])[counts], found[counts])


def brightness(mammogram: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Mean intensity [..] of boxes [.., 4]."""
    table = cv2.integral(mammogram)
    x0, y0, x1, y1 = np.moveaxis(boxes, -1, 0)
    sums = table[y1, x1] - table[y0, x1] - table[y1, x0] + table[y0, x0]
    return sums / ((x1 - x0) * (y1 - y0))


def figures(scored: Sequence[Sequence[Scored]]) -> dict[str, dict]:
    """Free-response figures of each way to rank the windows.

    Args:
      scored: of `score`, by film.

    Returns:
      {'model', 'brightness', 'chance'} as `run` tells them.
    """
    model, bright, *draws = (
        froc(*zip(*ranking, strict=True)) for ranking in zip(*scored, strict=True)
    )
    by_chance = [draw["sensitivity_at"] for draw in draws]
    chance = {rate: float(np.mean([at[rate] for at in by_chance])) for rate in by_chance[0]}
    return {"model": model, "brightness": bright, "chance": {"sensitivity_at": chance}}
