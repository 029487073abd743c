"""The test patches of a run, and which of them another run was tested on as well."""

import base64
import functools
from collections.abc import Mapping
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from jaxcbis.records.predictions import Predictions
from jaxcbis.report.page import gallery
from jaxcbis.report.page.folder import Run

#: Two pictures are of one crop, whatever their sizes, if their thumbnails of SIDE x SIDE pixels
#: differ by less than ALIKE of 255 grey levels in the mean.
SIDE, ALIKE = 16, 4.0


class Tested(NamedTuple):
    """A run with its answers, and what its patches look like.

    Attributes:
      run: the run.
      rows: row of predictions.csv of each patch, by its id; empty without predictions.
      pictures: what gallery.json holds of each patch, by its id; empty without that file.
      held: all of gallery.json; None without that file.
    """

    run: Run
    rows: Mapping[str, int]
    pictures: Mapping[str, dict]
    held: dict | None


def of(run: Run) -> Tested:
    """Brings a run's answers and pictures together.

    Raises:
      UserError: gallery.json is damaged.
    """
    rows = {} if run.answers is None else {str(name): k for k, name in enumerate(run.answers.ids)}
    if not (run.folder / "gallery.json").is_file():
        return Tested(run, rows, {}, None)
    held = gallery.read(run.folder)
    of_id = {item["id"]: item for item in held["patches"]}
    pictures = {name: of_id[name] for name in rows if name in of_id}
    return Tested(run, rows, pictures, held)


def why_not(one: Tested, two: Tested) -> str:
    """Why two runs have no test patch in common; '' where they may have some.

    Returns:
      The end of a sentence that begins with the two runs' names.
    """
    first, second = one.run.results["config"], two.run.results["config"]
    if not one.rows or not two.rows:
        return "are not paired: one of them has no predictions yet"
    if first["protocol"] != second["protocol"]:
        return (
            f"are not paired: they follow the {first['protocol']} and the {second['protocol']} "
            "protocol, which cut and split patches differently"
        )
    sizes = {first.get("background_size"), second.get("background_size")} - {None}
    if len(sizes) > 1:
        return (
            f"are not paired: their background crops are {min(sizes)} and {max(sizes)} pixels wide"
        )
    if not one.rows.keys() & two.rows.keys():
        return "are not paired: they have no test patch in common"
    if not common(one, two):
        return "are not paired: patches of the same name are of other patients, classes or pixels"
    return ""


def common(one: Tested, two: Tested) -> list[str]:
    """Ids of the patches that both runs were tested on, in the order of the first.

    A patch is the same if id, patient and true class are, and its picture where both have one.
    """
    return [name for name in one.rows if same(one, two, name)]


def same(one: Tested, two: Tested, name: str) -> bool:
    """Whether both runs were tested on the patch of this id."""
    if name not in one.rows or name not in two.rows or identity(one, name) != identity(two, name):
        return False
    if name not in one.pictures or name not in two.pictures:
        return True
    first, second = (_thumbnail(of.pictures[name]["image"]) for of in (one, two))
    return float(np.abs(first - second).mean()) < ALIKE


def identity(tested: Tested, name: str) -> tuple[str, str, int]:
    """Id, patient and true class of a patch."""
    answers = tested.run.answers
    assert answers is not None, "it has rows"
    row = tested.rows[name]
    return name, str(answers.patients[row]), int(answers.labels[row])


def answers_to(tested: Tested, names: list[str]) -> Predictions:
    """A run's answers to these patches, in this order."""
    answers = tested.run.answers
    assert answers is not None, "it has rows"
    index = [tested.rows[name] for name in names]
    known = {name: of for name, of in answers._asdict().items() if of is not None}
    return Predictions(**{name: np.asarray(of)[index] for name, of in known.items()})


def pixels(image: str) -> int:
    """Side of a picture of gallery.json."""
    return len(_decoded(image))


@functools.lru_cache(maxsize=50_000)  # each is compared with that of every other run
def _thumbnail(image: str) -> NDArray:
    side = (SIDE, SIDE)
    return cv2.resize(_decoded(image), side, interpolation=cv2.INTER_AREA).astype(np.float32)


def _decoded(image: str) -> NDArray:
    data = np.frombuffer(base64.b64decode(image), np.uint8)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))
