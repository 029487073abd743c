"""What a finished run says of the picture of one patch."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from jaxcbis.data.pictures import Picture
from jaxcbis.labels import LABELS
from jaxcbis.machine.console import say, warn
from jaxcbis.report.figures import overlay
from jaxcbis.runs import answers
from jaxcbis.runs.finished import Finished

#: A patch this many times larger than the crops learned from is rather a whole mammogram.
TOO_LARGE = 4
#: Of fewer test patches the share that was right says nothing.
ENOUGH = 10


def explainer(run: Finished, *, raw: bool) -> Callable[[Picture, Path], dict]:
    """What explains pictures of patches with a run, see `patch`."""
    return partial(patch, run, raw=raw)


def patch(run: Finished, picture: Picture, file: Path, *, raw: bool = False) -> dict:
    """Explains the picture of one patch.

    Args:
      run: of `finished.load`.
      picture: of a lesion's crop.
      file: where patch, class activation map and overlay are drawn.
      raw: whether the overlay alone is drawn.

    Returns:
      {'predicted', 'probabilities': {label: p}, 'calibration': None or what `calibration` finds,
      'cam': the file, 'notes'}.

    Raises:
      UserError: the file cannot be written.
    """
    found = answers.explain(run, picture.pixels)
    probabilities, heat = found
    if raw:
        overlay.write(file, picture.pixels, heat)
    else:
        from jaxcbis.report.figures import explained, saving  # here: matplotlib takes a second

        saving.png(file, found.plot(), explained.FILE_DPI)
    order = np.argsort(-probabilities)
    for k in order:
        say(f"  {LABELS[k]:<15} {probabilities[k]:.3f}")
    confidence = float(probabilities[order[0]])
    known = calibration(run.results, confidence)
    if known is None:
        say(f"  no test patch got its class with a probability like {confidence:.2f}")
    elif known["n"] >= ENOUGH:
        say(
            f"  of {known['n']} test patches with a probability of {known['low']:.2f} to "
            f"{known['high']:.2f}, {known['accuracy']:.0%} were right "
            f"(expected calibration error of all {known['ece']:.2f})"
        )
    notes = []
    side = run.results["model"].get("lesion_side")
    if side and min(picture.pixels.shape) > TOO_LARGE * side:
        notes.append(
            f"the crops trained on were some {side:.0f} pixels wide: this is of a finer film, or a "
            "whole mammogram, which needs --sweep"
        )
    if not heat.any():
        notes.append(f"nothing in the map speaks for {LABELS[order[0]]}")
    for note in notes:
        warn(note)
    say(f"  map: {file}")
    return {
        "predicted": LABELS[order[0]],
        "probabilities": by_label(probabilities),
        "calibration": known,
        "cam": str(file),
        "notes": notes,
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
