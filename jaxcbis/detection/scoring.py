"""The command `froc`: how well sweeps of whole mammograms find the lesions of a release."""

import time
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from jaxcbis.data import summary
from jaxcbis.detection import curve, films, mammograms, outlook, overlay
from jaxcbis.detection import sweep as sweeping
from jaxcbis.detection.films import Film
from jaxcbis.detection.froc import froc, hits, with_intervals
from jaxcbis.detection.sweep import Mark, Sweep
from jaxcbis.errors import UserError
from jaxcbis.evaluation import bootstrap
from jaxcbis.machine import backend, files
from jaxcbis.machine.console import say, track, warn
from jaxcbis.records import results
from jaxcbis.report.figures import saving
from jaxcbis.report.tables import run_name
from jaxcbis.runs import answers
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
    centre lies in the lesion's mask. Marks in any other lesion that is known there count neither
    way: one without callback, one that the mammogram's other series holds (the mass and the
    calcification files have some mammograms twice) and counts there, and one of a kind that the run
    has not learned. Beside the model stand the same windows ranked by what needs no training: their
    mean brightness, and chance.

    Args:
      data: the Kaggle or the DICOM release; the sweep looks at 8 bit of either.
      run: folder of a finished run.
      output: folder of froc.json, froc.png and `<view>-sweep.png`.
      window: side of a window in pixels of the mammograms, see `mammograms.sweep`.

    Returns:
      The content of froc.json: {'schema', 'run', 'data', 'window', 'notes', 'dropped': [{'id',
      'reason'}], 'seconds_per_mammogram' (median, of the sweep alone), and what `figures` returns}.

    Raises:
      UserError: the run or the release cannot be used, or a file cannot be written.
    """
    with films.with_targets(data) as (release, every):
        backend.start("auto")
        finished = load(run)
        side = mammograms.side(finished, window)
        kinds = films.kinds(finished.results)
        views = [view for view in every if films.targets(view, kinds)]
        say(f"{run_name(finished.results)}, from {run}, on {len(views)} test mammograms of {data}")
        notes = [*release.notes, *cautions(finished.results), *_of_other_kinds(every, kinds)]
        for note in notes:
            warn(note)
        if not views:
            raise UserError(
                f"{data}: no test mammogram with a lesion of a kind that the run has learned; "
                "check the release, or give another --run"
            )
        files.make_folder(output, "choose another --output")
        swept = _sweep(finished, release, views, output, side, given=window is not None)
    if not swept.scored:
        first = swept.dropped[0]
        raise UserError(
            f"{data}: no test mammogram with a lesion and its mask could be swept, the first "
            f"{first['id']}: {first['reason']}"
        )
    for note in (told := summary.assumptions(swept.assumed)):
        warn(note)
    answer = {
        "schema": SCHEMA,
        "run": str(run),
        "data": str(data),
        "window": side,
        "notes": notes + swept.notes + told,
        "dropped": swept.dropped,
        "seconds_per_mammogram": float(np.median(swept.seconds)),
        **figures(swept.scored, swept.patients),
    }
    results.write(output / "froc.json", answer)
    saving.png(output / "froc.png", curve.draw(answer, finished.results))
    curve.show(answer)
    say(f"{answer['seconds_per_mammogram']:.1f} s per mammogram. Results: {output / 'froc.json'}")
    return answer


def _of_other_kinds(views: Sequence[View], kinds: Collection[str]) -> list[str]:
    """What is left out because the run has not learned lesions of its kind."""
    lesions = [x for view in views for x in view.targets if x.abnormality_type not in kinds]
    if not lesions:
        return []
    unseen = sum(not films.targets(view, kinds) for view in views)
    named = " and ".join(sorted({lesion.abnormality_type for lesion in lesions}))
    return [
        f"the run has not learned any {named}: lesions of that kind ({len(lesions)}) count neither "
        f"way, mammograms with no other ({unseen}) are left out"
    ]


class _Swept(NamedTuple):
    """What the sweeps of all mammograms gave.

    Attributes:
      scored, patients, seconds: of each that was swept.
      dropped: what was left out, [{'id', 'reason'}].
      assumed: what was assumed to read them, [{'id', 'reason'}].
      notes: of all of them.
    """

    scored: list[list[Scored]]
    patients: list[str]
    seconds: list[float]
    dropped: list[dict[str, str]]
    assumed: list[dict[str, str]]
    notes: list[str]


def _sweep(
    run: Finished, release: Release, views: Sequence[View], output: Path, side: int, *, given: bool
) -> _Swept:
    """Sweeps and scores the films; `given`: whether the user chose the side of the windows."""
    swept = _Swept([], [], [], [], [], [])
    answer = partial(answers.predict, run)
    kinds = films.kinds(run.results)
    noise = np.random.default_rng(0)
    for view in track(views, "mammograms"):
        try:
            film = films.read(release, view, kinds)
            planned = mammograms.plan(run, film.pixels, side)
        except (films.Unusable, UserError) as reason:  # a window may be larger than the film
            swept.dropped.append({"id": view.id, "reason": str(reason)})
            continue
        if not swept.scored:
            pace = partial(outlook.pace, answer)
            swept.notes[:] = mammograms.foretell(
                run, film.pixels, planned, pace, given=given, count=len(views)
            )
        swept.assumed.extend({"id": view.id, "reason": note} for note in film.notes)
        began = time.perf_counter()
        found = sweeping.sweep(answer, planned)
        swept.seconds.append(time.perf_counter() - began)
        marks = sweeping.best(found, SHOWN)
        picture = overlay.Picture(film.pixels, found, marks, film.masks)
        overlay.write(output / f"{view.id}-sweep.png", picture, run.results, str(run.folder))
        swept.scored.append(score(film, found, noise))
        swept.patients.append(view.lesions[0].patient_id)
    return swept


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


def figures(scored: Sequence[Sequence[Scored]], patients: Sequence[str]) -> dict[str, Any]:
    """Free-response figures of each way to rank the windows.

    Args:
      scored: of `score`, by film.
      patients: of each film.

    Returns:
      {'patients': how many, 'model', 'brightness', 'chance'}, the last three as of `froc.froc`. The
      first two of them also have 'sensitivity_at_ci95', by rate [low, high] of a bootstrap over
      patients, Clopper and Pearson's where none or all are found (`bootstrap.interval_of_share`),
      None with a single patient. Chance, the mean of random draws, has only 'sensitivity_at'.
    """
    times = bootstrap.draw(patients)
    model, bright, *draws = (list(zip(*marks, strict=True)) for marks in zip(*scored, strict=True))
    by_chance = [froc(*draw)["sensitivity_at"] for draw in draws]
    chance = {rate: float(np.mean([at[rate] for at in by_chance])) for rate in by_chance[0]}
    return {
        "patients": len(set(patients)),
        "model": with_intervals(model[0], model[1], times),
        "brightness": with_intervals(bright[0], bright[1], times),
        "chance": {"sensitivity_at": chance},
    }
