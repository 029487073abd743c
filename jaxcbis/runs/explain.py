"""The command `explain`: a finished run's answers to image files, one after the other."""

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple, TypeAlias

from jaxcbis.data import pictures
from jaxcbis.data.pictures import Picture
from jaxcbis.errors import UserError
from jaxcbis.machine import files
from jaxcbis.machine.console import hushed, say, warn
from jaxcbis.records import results
from jaxcbis.report.tables import has_random_weights, is_demo, run_name
from jaxcbis.runs import explain_places as places
from jaxcbis.runs.finished import Finished, load

SCHEMA = 1
#: Most images that failed whose names are in the last line.
LISTED = 20

#: Prints what a run says of one picture, draws it to the file given, and returns the facts.
Answer: TypeAlias = Callable[[Picture, Path], dict]

#: What must be known before believing any run's answer.
NO_DEVICE = "no medical device: for research on methods, not to diagnose anybody"
DEMO = "trained on demo data, synthetic phantoms: says nothing about mammograms"
RANDOM = "started from random weights: nothing was transferred"


class Begun(NamedTuple):
    """A run that is ready to explain pictures.

    Attributes:
      name: of the run, in a few words.
      notes: what must be known before believing it.
      answer: explains one picture; its facts, for JSON, have their 'notes'.
    """

    name: str
    notes: list[str]
    answer: Answer


# Six parameters: what is asked of whom, and the three places where answers go.
def explain(
    images: Sequence[Path],
    run: Path,
    output: Path,
    begin: Callable[[Path], Begun],
    *,
    kind: str,
    json_file: str | None = None,
) -> dict:
    """Explains image files, prints the answers and writes the pictures.

    One image is in memory at a time. One that cannot be explained does not keep the others from
    it, and whatever ends the command before its time leaves the answers that were there.

    Args:
      images: files that `pictures.read` reads; one that is named twice is answered once.
      run: folder of a finished run.
      output: folder of the pictures, `<image>-<kind>.png`.
      begin: starts JAX, reads the run and checks what was asked of it.
      kind: of the pictures.
      json_file: where the answers are written as JSON, too; '-' prints them in place of the text.

    Returns:
      What is written as JSON: {'schema', 'run', 'status' of `results.STATUSES`, 'notes', 'images':
      [{'image', 'width', 'height', 'notes', ..}] with the facts of each answer, 'failed':
      [{'image', 'reason'}]}.

    Raises:
      UserError: the run cannot be used, a place cannot be written to, or, once all others are
        answered, an image could not be explained.
    """
    distinct = places.distinct(images)
    drawn = places.pictures(distinct, output, kind)
    if json_file not in (None, "-"):
        places.require_json(json_file, distinct, drawn)
    places.require_folder(output)
    with hushed() if json_file == "-" else nullcontext():
        name, notes, answer = begin(run)
        say(f"{name}, from {run}")
        if twice := len(images) - len(distinct):
            again = "1 name is of an image" if twice == 1 else f"{twice} names are of images"
            notes.append(f"{again} named before: each is answered once")
        for note in notes:
            warn(note)
        told: dict = {"schema": SCHEMA, "run": str(run), "status": results.INTERRUPTED,
                      "notes": notes, "images": [], "failed": []}  # fmt: skip
        try:
            for path, file in zip(distinct, drawn, strict=True):
                try:
                    told["images"].append(_answered(answer, path, file))
                except UserError as error:
                    failed = {"image": str(path), "reason": str(error).removeprefix(f"{path}: ")}
                    told["failed"].append(failed)
                    if len(distinct) > 1:  # of a single one it is the last line
                        say(f"\n{path}: {failed['reason']}")
            told["status"] = results.FINISHED
        finally:
            _leave(told, json_file)
        _require_all(told)
    return told


def _answered(answer: Answer, path: Path, file: Path) -> dict:
    """The facts of one image, which is let go of then."""
    picture = pictures.read(path)
    height, width = picture.pixels.shape
    say(f"\n{path}: {width} x {height} pixels")
    for note in picture.notes:
        warn(note)
    known = {"image": str(path), "width": width, "height": height}
    found = answer(picture, file)
    return known | found | {"notes": [*picture.notes, *found["notes"]]}


def _leave(told: dict, json_file: str | None) -> None:
    """Writes or prints the answers so far, if that was asked for."""
    text = json.dumps(told, indent=2)
    if json_file == "-":
        print(text)
    elif json_file is not None:
        files.write(json_file, text + "\n", places.ANOTHER_JSON)


def _require_all(told: dict) -> None:
    """Checks that every image was explained.

    Raises:
      UserError: some were not; why is told of a single one, as each was told of when it failed.
    """
    failed = told["failed"]
    if not failed:
        return
    count = len(failed) + len(told["images"])
    if len(failed) == 1:
        which = f"{failed[0]['image']}: {failed[0]['reason']}"
    else:
        which = ", ".join(item["image"] for item in failed[:LISTED])
        which += f" and {len(failed) - LISTED} more" if len(failed) > LISTED else ""
    raise UserError(
        which if count == 1 else f"{len(failed)} of {count} images not explained: {which}"
    )


def begin(folder: Path, prepare: Callable[[Finished], Answer]) -> Begun:
    """Reads a patch run that is to explain pictures.

    Args:
      folder: of the run.
      prepare: takes the run, checks what was asked of it, and returns what explains one picture.

    Raises:
      UserError: as of `finished.load`, or of `prepare`.
    """
    run = load(folder)
    return Begun(run_name(run.results), cautions(run.results), prepare(run))


def cautions(results: dict) -> list[str]:
    """What must be known before believing a run's answer to a new image.

    Args:
      results: content of results.json.
    """
    notes = [NO_DEVICE]
    if is_demo(results):
        notes.append(DEMO)
    if has_random_weights(results):
        notes.append(RANDOM)
    if results["config"]["protocol"] == "paper":
        notes.append(
            "trained by the paper's protocol on patches normalised by their class; an image whose "
            "class is unknown is normalised as all of them together"
        )
    per_class = results["data"]["splits"]["train"]["per_class"]
    if absent := [label for label, count in per_class.items() if not count]:
        notes.append(f"has never seen a patch of {', '.join(absent)}")
    return notes
