"""The command `froc`: how well sweeps of whole mammograms find the lesions of a release."""

import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure

from jaxcbis import api
from jaxcbis.data.dicom import eight_bit
from jaxcbis.detection import sweep as sweeping
from jaxcbis.detection.froc import RATES, froc, hits
from jaxcbis.detection.sweep import Mark
from jaxcbis.errors import UserError
from jaxcbis.machine import backend, files, packages
from jaxcbis.machine.console import say, track, warn
from jaxcbis.records import results
from jaxcbis.report.figures import figures, overlays
from jaxcbis.report.tables import run_name
from jaxcbis.runs.explain import cautions
from jaxcbis.runs.finished import load

SCHEMA = 1
#: Boxes shown in a picture; all of them count in the figures.
SHOWN = 5
#: Draws of random scores that chance is averaged over.
DRAWS = 20


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
      window: side of a window in pixels of the mammograms, see `api.sweep`.

    Returns:
      The content of froc.json: {'schema', 'run', 'data', 'window', 'notes', 'dropped': [{'id',
      'reason'}], 'seconds_per_mammogram' (median, of the sweep alone), 'model', 'brightness',
      'chance'}, the last three as of `evaluation.froc.froc`; chance, the mean of random draws, has
      only 'sensitivity_at'.

    Raises:
      UserError: the run or the release cannot be used, or a file cannot be written.
    """
    packages.require(f"--data {data}", *packages.TFDS)
    from tfds_cbis.cases import WITHOUT_CALLBACK, views  # imports TFDS
    from tfds_cbis.images import Unusable, read_mammogram, read_mask
    from tfds_cbis.release import Release

    release = Release(data)
    lesions, _ = release.lesions()
    members = [view for view in views(lesions) if view.split == "test" and view.targets]
    backend.start("auto")
    finished = load(run)
    say(f"{run_name(finished.results)}, from {run}, on {len(members)} test mammograms of {data}")
    notes = cautions(finished.results)
    for note in notes:
        warn(note)
    files.make_folder(output, "choose another --output")

    dropped, seconds = [], []
    noise = np.random.default_rng(0)
    model: list[tuple] = []
    brightness: list[tuple] = []
    draws: list[list[tuple]] = [[] for _ in range(DRAWS)]
    for view in track(members, "mammograms"):
        others = [x for x in (*view.lesions, *view.others) if x.pathology == WITHOUT_CALLBACK]
        try:
            mammogram = eight_bit(read_mammogram(release, view))
            masks = [read_mask(release, each, mammogram.shape) for each in view.targets]
            ignored = [read_mask(release, each, mammogram.shape) for each in others]
        except Unusable as reason:
            dropped.append({"id": view.id, "reason": str(reason)})
            continue
        began = time.perf_counter()
        found = api.sweep(finished, mammogram, window)
        seconds.append(time.perf_counter() - began)
        picture = output / f"{view.id}-sweep.png"
        overlays.write_sweep(picture, mammogram, found, sweeping.best(found, SHOWN), masks)

        def score(scores, found=found, masks=masks, ignored=ignored):
            return _scored(sweeping.ranked(found, scores), masks, ignored)

        model.append(score(found.suspicion))
        brightness.append(score(_brightness(mammogram, found.boxes)))
        for draw in draws:
            draw.append(score(noise.random(found.suspicion.shape)))
    if not model:
        raise UserError(f"{data}: no test mammogram with a lesion and its mask; check the release")

    by_chance = [froc(*zip(*draw, strict=True))["sensitivity_at"] for draw in draws]
    chance = {rate: float(np.mean([at[rate] for at in by_chance])) for rate in by_chance[0]}
    answer = {
        "schema": SCHEMA,
        "run": str(run),
        "data": str(data),
        "window": window or finished.results["model"]["lesion_side"],
        "notes": notes,
        "dropped": dropped,
        "seconds_per_mammogram": float(np.median(seconds)),
        "model": froc(*zip(*model, strict=True)),
        "brightness": froc(*zip(*brightness, strict=True)),
        "chance": {"sensitivity_at": chance},
    }
    results.write(output / "froc.json", answer)
    overlays.write(output / "froc.png", _curve(answer))
    _show(answer)
    say(f"{answer['seconds_per_mammogram']:.1f} s per mammogram. Results: {output / 'froc.json'}")
    return answer


def _scored(
    marks: Sequence[Mark], masks: Sequence[np.ndarray], ignored: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Scores [k] of marks and what they hit [k, lesions]."""
    boxes = np.array([mark.box for mark in marks]).reshape(-1, 4)
    found = hits(boxes, masks)
    counts = found.any(axis=1) | ~hits(boxes, ignored).any(axis=1)
    return np.array([mark.score for mark in marks])[counts], found[counts]


def _brightness(mammogram: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Mean intensity [..] of boxes [.., 4]."""
    table = cv2.integral(mammogram)
    x0, y0, x1, y1 = np.moveaxis(boxes, -1, 0)
    sums = table[y1, x1] - table[y0, x1] - table[y1, x0] + table[y0, x0]
    return sums / ((x1 - x0) * (y1 - y0))


def _show(answer: dict) -> None:
    model = answer["model"]
    say(f"Sensitivity to {model['lesions']} lesions in {model['images']} mammograms:")
    say("  false positives per image  " + "".join(f"{rate:>7}" for rate in RATES))
    for name in ("model", "brightness", "chance"):
        at = answer[name]["sensitivity_at"]
        say(f"  {name:<27}" + "".join(f"{at[str(rate)]:>7.2f}" for rate in RATES))
    for item in answer["dropped"]:
        warn(f"left out {item['id']}: {item['reason']}")


def _curve(answer: dict) -> Figure:
    model, chance = answer["model"], answer["chance"]["sensitivity_at"]
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    for name, style, colour in (
        ("model", "-", figures.BLUE),
        ("brightness", "--", figures.VERMILLION),
    ):
        rates, found = (answer[name][key] for key in ("false_positives_per_image", "sensitivity"))
        axes.step(rates, found, style, where="post", color=colour, label=name)
    axes.plot(list(RATES), list(chance.values()), "o:", color="0.5", label="chance")
    axes.set_xscale("symlog", linthresh=RATES[0], base=2)
    axes.set_xticks([0, *RATES], ["0", *map(str, RATES)], fontsize=7)
    axes.set(
        xlabel=f"false positives per image ({model['images']} mammograms)",
        ylabel=f"sensitivity ({model['lesions']} lesions)",
        xlim=(0, 2 * RATES[-1]), ylim=(0, 1.02),
    )  # fmt: skip
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure
