"""The command `explain`: a finished run's answer to image files."""

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from jaxcbis.data import pictures
from jaxcbis.data.pictures import Picture
from jaxcbis.errors import UserError
from jaxcbis.labels import LABELS
from jaxcbis.machine import backend, files
from jaxcbis.machine.console import hushed, say, warn
from jaxcbis.report.figures import overlay
from jaxcbis.report.tables import has_random_weights, is_demo, run_name
from jaxcbis.runs import answers
from jaxcbis.runs.finished import Finished, load

SCHEMA = 1
#: A patch this many times larger than the crops learned from is rather a whole mammogram.
TOO_LARGE = 4


def explain(
    images: Sequence[Path],
    run: Path,
    output: Path,
    answer: Callable[[Finished, Picture, Path], dict],
    *,
    kind: str,
    json_file: str | None = None,
) -> dict:
    """Explains image files, prints the answers and writes the pictures.

    Args:
      images: files that `pictures.read` reads.
      run: folder of a finished run.
      output: folder of the pictures, `<image>-<kind>.png`.
      answer: explains one image: prints what the run says of it, writes the picture to the file
        given, and returns the facts for JSON. `patch`, or one for whole mammograms.
      kind: of the pictures.
      json_file: where the answers are written as JSON, too; '-' prints them in place of the text.

    Returns:
      What is written as JSON: {'schema', 'run', 'notes', 'images': [{'image', 'width', 'height',
      'notes', ..}]} with the facts of `answer`.

    Raises:
      UserError: the run or an image cannot be used, or a file cannot be written.
    """
    places = _outputs(images, output, kind)
    found = [pictures.read(path) for path in images]
    backend.start("auto")
    finished = load(run)

    quiet = hushed() if json_file == "-" else nullcontext()
    with quiet:
        say(f"{run_name(finished.results)}, from {run}")
        notes = cautions(finished.results)
        for note in notes:
            warn(note)
        facts = []
        for path, picture, file in zip(images, found, places, strict=True):
            height, width = picture.pixels.shape
            say(f"\n{path}: {width} x {height} pixels")
            for note in picture.notes:
                warn(note)
            known = {"image": str(path), "width": width, "height": height, "notes": picture.notes}
            facts.append(known | answer(finished, picture, file))
    told = {"schema": SCHEMA, "run": str(run), "notes": notes, "images": facts}
    text = json.dumps(told, indent=2)
    if json_file == "-":
        print(text)
    elif json_file is not None:
        files.write(json_file, text + "\n", "give --json another FILE")
    return told


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


def patch(run: Finished, picture: Picture, file: Path) -> dict:
    """Explains the picture of one patch.

    Args:
      run: of `finished.load`.
      picture: of a lesion's crop.
      file: where its class activation map is drawn over it.

    Returns:
      {'predicted', 'probabilities': {label: p}, 'calibration': None or what `calibration` finds,
      'cam': the file}.

    Raises:
      UserError: the file cannot be written.
    """
    probabilities, maps = answers.explain(run, [picture.pixels])
    overlay.write(file, picture.pixels, maps[0])
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
        "probabilities": by_label(probabilities[0]),
        "calibration": known,
        "cam": str(file),
    }


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


def by_label(probabilities: np.ndarray) -> dict[str, float]:
    """Probabilities [classes] by the name of their class."""
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
