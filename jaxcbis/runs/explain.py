"""The command `explain`: a finished run's answer to image files."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from jaxcbis import api
from jaxcbis.data import pictures
from jaxcbis.data.pictures import Picture
from jaxcbis.detection import sweep as sweeping
from jaxcbis.errors import UserError
from jaxcbis.labels import LABELS
from jaxcbis.machine import backend, files
from jaxcbis.machine.console import hushed, say, track, warn
from jaxcbis.report.figures import overlays
from jaxcbis.report.tables import has_random_weights, is_demo, run_name
from jaxcbis.runs.finished import Finished, load

SCHEMA = 1
#: A patch this many times larger than the crops learned from is rather a whole mammogram.
TOO_LARGE = 4


def explain(
    images: Sequence[Path],
    run: Path,
    output: Path,
    *,
    json_file: str | None = None,
    sweep: bool = False,
    window: int | None = None,
    boxes: int = 5,
) -> dict:
    """Explains image files, prints the answers and writes the pictures.

    Args:
      images: PNG, JPEG or DICOM files, of patches or, with `sweep`, of mammograms.
      run: folder of a finished run.
      output: folder of the pictures, `<image>-cam.png` or `<image>-sweep.png`.
      json_file: where the answers are written as JSON, too; '-' prints them in place of the text.
      sweep: whether to look at windows all over each image.
      window: side of a window in pixels of the images, see `api.sweep`.
      boxes: how many of the best windows to mark.

    Returns:
      What is written as JSON: {'schema', 'run', 'notes', 'images': [{'image', 'width', 'height',
      'notes', ..}]}. A patch has 'predicted', 'probabilities' {label: p}, 'calibration' (null, or
      the bin of `evaluation.calibration` that its confidence falls in) and 'cam', the picture; a
      mammogram 'windows' (looked at), 'boxes' [{'box', 'score', 'probabilities'}] and 'sweep'.

    Raises:
      UserError: the run or an image cannot be used, or a file cannot be written.
    """
    places = _outputs(images, output, "sweep" if sweep else "cam")
    found = [pictures.read(path) for path in images]
    backend.start("auto")
    finished = load(run)

    quiet = hushed() if json_file == "-" else nullcontext()
    with quiet:
        say(f"{run_name(finished.results)}, from {run}")
        notes = cautions(finished.results)
        for note in notes:
            warn(note)
        answers = []
        for path, picture, file in zip(images, found, places, strict=True):
            height, width = picture.pixels.shape
            say(f"\n{path}: {width} x {height} pixels")
            for note in picture.notes:
                warn(note)
            facts = {"image": str(path), "width": width, "height": height, "notes": picture.notes}
            if sweep:
                facts |= _sweep(finished, picture, file, window, boxes)
            else:
                facts |= _patch(finished, picture, file)
            answers.append(facts)
    answer = {"schema": SCHEMA, "run": str(run), "notes": notes, "images": answers}
    text = json.dumps(answer, indent=2)
    if json_file == "-":
        print(text)
    elif json_file is not None:
        files.write(json_file, text + "\n", "give --json another FILE")
    return answer


def cautions(results: dict) -> list[str]:
    """What must be known before believing a run's answer to a new image.

    Args:
      results: content of results.json.
    """
    notes = ["no medical device: for research on methods, not to diagnose anybody"]
    if is_demo(results):
        notes.append("trained on demo data, synthetic phantoms: says nothing about mammograms")
    if has_random_weights(results):
        notes.append("started from random weights: nothing was transferred")
    if results["config"]["protocol"] == "paper":
        notes.append(
            "trained by the paper's protocol on patches normalised by their class; an image whose "
            "class is unknown is normalised as all of them together"
        )
    per_class = results["data"]["splits"]["train"]["per_class"]
    if absent := [label for label, count in per_class.items() if not count]:
        notes.append(f"has never seen a patch of {', '.join(absent)}")
    return notes


def calibration(results: dict, confidence: float) -> dict | None:
    """How often the run was right on test patches when it was as sure as this.

    Where the protocol normalises test patches by their class, those of the pass without that count,
    as a new image's class is unknown.

    Args:
      results: content of results.json.
      confidence: probability of the predicted class.

    Returns:
      {'ece', 'low', 'high', 'n', 'confidence', 'accuracy'}, see `evaluation.calibration`; None
      where no test patch was as sure.
    """
    test = results["test_without_label_normalization"] or results["test"]
    for row in test["calibration"]["bins"]:
        if row["low"] < confidence <= row["high"]:
            return {"ece": test["calibration"]["ece"]} | row
    return None


def _patch(run: Finished, picture: Picture, file: Path) -> dict:
    probabilities, maps = api.explain(run, [picture.pixels])
    overlays.write_map(file, picture.pixels, maps[0])
    order = np.argsort(-probabilities[0])
    for k in order:
        say(f"  {LABELS[k]:<15} {probabilities[0, k]:.3f}")
    confidence = float(probabilities[0, order[0]])
    known = calibration(run.results, confidence)
    if known is None:
        say(f"  no test patch got its class with a probability like {confidence:.2f}")
    else:
        say(
            f"  of {known['n']} test patches with a probability of {known['low']:.2f} to "
            f"{known['high']:.2f}, {known['accuracy']:.0%} were right "
            f"(expected calibration error of all {known['ece']:.2f})"
        )
    side = run.results["model"].get("lesion_side")
    if side and min(picture.pixels.shape) > TOO_LARGE * side:
        warn(
            f"the crops trained on were some {side:.0f} pixels wide: this is of a finer film, or a "
            "whole mammogram, which needs --sweep"
        )
    if not maps[0].any():
        warn(f"nothing in the map speaks for {LABELS[order[0]]}")
    say(f"  map: {file}")
    return {
        "predicted": LABELS[order[0]],
        "probabilities": _by_label(probabilities[0]),
        "calibration": known,
        "cam": str(file),
    }


def _sweep(run: Finished, picture: Picture, file: Path, window: int | None, boxes: int) -> dict:
    found = api.sweep(run, picture.pixels, window, track)
    marks = sweeping.best(found, boxes)
    overlays.write_sweep(file, picture.pixels, found, marks)
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
                "probabilities": _by_label(mark.probabilities),
            }
            for mark in marks
        ],
        "sweep": str(file),
    }


def _by_label(probabilities: np.ndarray) -> dict[str, float]:
    return dict(zip(LABELS, probabilities.tolist(), strict=True))


def _outputs(images: Sequence[Path], folder: Path, kind: str) -> list[Path]:
    """One file per image, named after it; images of one name in several folders are numbered."""
    taken: dict[str, int] = {}
    files = []
    for path in images:
        taken[path.stem] = taken.get(path.stem, 0) + 1
        number = "" if taken[path.stem] == 1 else f"-{taken[path.stem]}"
        files.append(folder / f"{path.stem}{number}-{kind}.png")
    inputs = {path.resolve() for path in images}
    for file in files:
        if file.resolve() in inputs:
            raise UserError(f"{file}: would be overwritten; choose another --output")
    return files
