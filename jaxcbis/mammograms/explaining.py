"""What a mammogram run says of pictures, for the command `explain`."""

from functools import partial
from pathlib import Path

from jaxcbis.data.pictures import Picture
from jaxcbis.machine import files
from jaxcbis.machine.console import say, warn
from jaxcbis.mammograms import answers
from jaxcbis.mammograms.explanation import doubt
from jaxcbis.mammograms.finished import FinishedMammogram, load
from jaxcbis.mammograms.page.answer import run_name
from jaxcbis.report.figures import overlay
from jaxcbis.report.tables import has_random_weights, is_demo
from jaxcbis.runs.explain import DEMO, NO_DEVICE, RANDOM, Begun

#: A breast that has fewer than this share of the model's rows is told of.
COARSE = 0.5


def begin(folder: Path, *, raw: bool) -> Begun:
    """Reads a run that is to explain mammograms.

    Args:
      folder: of the run.
      raw: whether the overlay alone is drawn.

    Raises:
      UserError: as of `finished.load`.
    """
    run = load(folder)
    return Begun(run_name(run.results), cautions(run.results), partial(mammogram, run, raw=raw))


def mammogram(run: FinishedMammogram, picture: Picture, file: Path, *, raw: bool = False) -> dict:
    """Explains the picture of one mammogram.

    Args:
      run: of `finished.load`.
      picture: of a whole mammogram.
      file: where mammogram, map and overlay are drawn.
      raw: whether the overlay alone is drawn.

    Returns:
      {'malignant': the probability, 'box': x0, y0, x1, y1 of the view in the mammogram, 'flipped':
      whether the view is mirrored, 'cam': the file, 'notes'}.

    Raises:
      UserError: the file cannot be written.
    """
    found = answers.explain(run, picture.pixels)
    if raw:
        files.make_folder(file.parent)
        files.write(file, overlay.as_png(found.overlay()))
    else:
        from jaxcbis.report.figures import explained, saving  # here: matplotlib takes a second

        saving.png(file, found.plot(), explained.FILE_DPI)
    probability, box = float(found.probabilities), found.boxes.tolist()
    notes = [doubt(str(found.notes))] if found.notes else []
    rows = box[3] - box[1]
    if rows < COARSE * run.config.height:
        notes.append(
            f"the breast is cut out {rows} pixels high and enlarged to the {run.config.height} "
            "that the run looks at: give the mammogram at full resolution"
        )
    if not found.maps.any():
        notes.append("nothing in the map speaks for malignant")
    for note in notes:
        warn(note)
    say(f"  malignant {probability:.2f}")
    say(f"  map: {file}")
    return {
        "malignant": probability,
        "box": box,
        "flipped": bool(found.flipped),
        "cam": str(file),
        "notes": notes,
    }


def cautions(results: dict) -> list[str]:
    """What must be known before believing a run's answer to a new mammogram.

    Args:
      results: content of results.json.
    """
    train = results["data"]["splits"]["train"]
    share = train["malignant"] / train["total"]
    return [
        NO_DEVICE,
        *([DEMO] if is_demo(results) else []),
        *([RANDOM] if has_random_weights(results) else []),
        f"{share:.0%} of the views trained on were malignant, far more than in a screening: the "
        "probability is one among views like those",
    ]
