"""Whole mammograms as arrays: the breast cut out, turned to the left, all of one size."""

import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxcbis.config import is_exported
from jaxcbis.data import prepared, splits
from jaxcbis.data.loading import DEMO, release_name
from jaxcbis.data.patches import OVERLAP, SPLITS
from jaxcbis.errors import UserError
from jaxcbis.machine import packages

if TYPE_CHECKING:
    from tfds_cbis.view_cut import ViewCut

#: Features that are no pictures, in the order of the fields of Views.
_FACTS = ("label", "id", "patient_id", "side", "view", "box", "flipped", "masked")


@dataclass(frozen=True, eq=False)
class Views:
    """Mammograms of one split, in the order of their ids.

    Attributes:
      images: uint8 or, of a DICOM release, uint16 [n, height, width]; the chest wall is on the
        left, and what is not breast is 0.
      masks: bool [n, height, width], true on all lesions known in the view.
      malignant_masks: bool [n, height, width], true on the malignant ones.
      labels: int32 [n], 1 where any lesion known in the view is malignant.
      ids: str [n], unique.
      patients: str [n].
      sides: str [n], LEFT or RIGHT.
      views: str [n], CC or MLO.
      boxes: int32 [n, 4], x0, y0, x1, y1 of the padded cut in the mammogram's pixels, out of which
        it may stick. One pixel of it is height / (y1 - y0) of the image.
      flipped: bool [n], whether the image is mirrored.
      masked: bool [n], whether the masks of all its lesions could be read.
    """

    images: np.ndarray
    masks: np.ndarray
    malignant_masks: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    patients: np.ndarray
    sides: np.ndarray
    views: np.ndarray
    boxes: np.ndarray
    flipped: np.ndarray
    masked: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, index: np.ndarray) -> "Views":
        """The views at `index`: whole numbers [k] or a bool mask [n]."""
        return Views(*(array[index] for array in vars(self).values()))


class Mammograms(NamedTuple):
    """All splits, and where they come from.

    Attributes:
      splits: 'train', 'validation' and 'test', which share no patient, and `OVERLAP`: items of the
        official test split whose patients are in train.
      source: 'demo', or the path that was read.
      name: what a person calls it.
      dropped: [{'id', 'reason'}], what the release holds and the splits do not.
      assumed: [{'id', 'reason'}], what had to be assumed to read mammograms.
      notes: what had to be assumed of the release, and what it lacks.
    """

    splits: dict[str, Views]
    source: str
    name: str
    dropped: list[dict[str, str]]
    assumed: list[dict[str, str]]
    notes: list[str]


# Seven parameters: what is read of where, at which size, who prepares it, and who validates.
def load(
    data: str | None,
    data_dir: str | None,
    height: int,
    width: int,
    progress: Callable[[int, int], None] | None = None,
    beam: list[str] | None = None,
    held_out: Collection[str] = (),
) -> Mammograms:
    """Brings the whole mammograms of a release into memory, preparing them first if need be.

    Args:
      data: the release; None is the demo release.
      data_dir: where prepared data sets are kept; None is TFDS's own folder.
      height, width: of the images in pixels.
      progress: called with (mammograms done, mammograms in all) while preparing.
      beam: options of Apache Beam, whose runner then prepares; None prepares in threads here.
      held_out: patients who validate. If they have no benign or no malignant view here to train
        on, 15 % of the patients are drawn.

    Raises:
      UserError: the release cannot be used, or the size is out of bounds.
    """
    require_release(data)
    release, records, blind, repeated, dropped, assumed, notes = prepared.mammograms(
        data, data_dir, (height, width), progress, beam
    )
    facts = {name: _facts(blind.get(name, ())) for name in ("train", "test")}
    train, test = (facts[name]["patient_id"] for name in ("train", "test"))
    validation = np.isin(train, list(held_out))
    if len(set(facts["train"]["label"][validation])) < 2:
        validation = splits.grouped(facts["train"]["label"], train)
    overlap = splits.overlapping(train, test)
    members = {
        "train": ("train", ~validation), "validation": ("train", validation),
        "test": ("test", ~overlap), OVERLAP: ("test", overlap),
    }  # fmt: skip
    parts = {
        name: _views(records.get(side, ()), facts[side], chosen, (height, width))
        for name, (side, chosen) in members.items()
    }
    return Mammograms(
        parts,
        source=DEMO if data is None else str(release),
        name=release_name(data),
        dropped=dropped,
        assumed=assumed,
        notes=[*notes, *_notes(parts, repeated)],
    )


def require_all_splits(found: Mammograms) -> None:
    """Checks that there is something to train on, to validate and to test.

    Raises:
      UserError: a split is empty.
    """
    for name in SPLITS:
        if not len(found.splits[name]):
            raise UserError(f"{found.source}: no mammograms in the {name} split; check the release")


def describe(found: Mammograms) -> dict:
    """What results.json says of the data."""
    train, validation, test, overlap = (found.splits[name] for name in (*SPLITS, OVERLAP))
    return {
        "source": found.source,
        "name": found.name,
        "splits": {name: count(part) for name, part in found.splits.items()},
        "dropped": found.dropped,
        "assumed": found.assumed,
        "leakage": splits.leakage(
            np.concatenate([train.patients, validation.patients]),
            np.concatenate([test.patients, overlap.patients]),
        ),
    }


def count(part: Views) -> dict[str, int]:
    """Counts a split as results.json has it."""
    return {
        "total": len(part),
        "malignant": int(part.labels.sum()),
        "patients": len(set(part.patients)),
    }


def cut(pixels: np.ndarray, height: int, width: int) -> "ViewCut":
    """Cuts the breast out of a mammogram, as those of a release are cut.

    Args:
      pixels: uint8 or uint16 [rows, columns], bright is dense.
      height, width: of the image in pixels.

    Returns:
      `image` [height, width], `box` in the mammogram's pixels, `flipped`, and `note`: why the whole
      film was taken, '' where it was not.
    """
    from tfds_cbis import view_cut  # here: its package loads TFDS

    return view_cut.cut(pixels, height, width)


def require_release(data: str | None) -> None:
    """Checks at first sight that data hold whole mammograms, and that what reads them is there.

    Raises:
      UserError: they hold none, or a package is not installed.
    """
    if data is not None and is_exported(data):
        raise UserError(f"--data {data}: holds patches; whole mammograms need the release itself")
    packages.require("the demo set" if data is None else f"--data {data}", *packages.TFDS)
    if data is not None:
        prepared.look(Path(data))


def _notes(parts: dict[str, Views], repeated: int) -> list[str]:
    notes = []
    if repeated:
        notes.append(
            f"Mammograms in both the mass and the calcification files: {repeated}; each is taken "
            "once, with the lesions of both"
        )
    rows = np.concatenate([part.boxes[:, 3] - part.boxes[:, 1] for part in parts.values()])
    height, width = parts["train"].images.shape[1:]
    if enlarged := int((rows < height).sum()):
        notes.append(
            f"{enlarged} of {len(rows)} mammograms are enlarged to {height} x {width}: the breast "
            f"has about {np.median(rows[rows < height]):.0f} rows on them"
        )
    return notes


def _facts(records: Sequence[dict[str, Any]]) -> dict[str, np.ndarray]:
    """What examples hold besides their pictures, by feature, in the order of the records."""
    rows = [records[i] for i in range(len(records))]
    texts = {
        key: np.array([prepared.text(row[key]) for row in rows], str)
        for key in ("id", "patient_id", "side", "view")
    }
    numbers = {
        "label": np.array([row["label"] for row in rows], np.int32),
        "box": np.array([row["box"] for row in rows], np.int32).reshape(-1, 4),
        "flipped": np.array([row["flipped"] for row in rows], bool),
        "masked": np.array([row["masked"] for row in rows], bool),
    }
    return texts | numbers


def _views(
    records: Sequence[dict[str, Any]],
    facts: dict[str, np.ndarray],
    chosen: np.ndarray,
    size: tuple[int, int],
) -> Views:
    """Those of the records that are chosen, bool [n], in the order of their ids.

    Each picture goes straight to its place: a copy of all would not fit into memory twice.
    """
    numbers = np.flatnonzero(chosen)
    numbers = numbers[np.argsort(facts["id"][numbers], kind="stable")]
    depth = records[0]["image"].dtype if len(records) else np.uint8
    shape = (len(numbers), *size)
    images = np.empty(shape, depth)
    masks, malignant = np.zeros(shape, bool), np.zeros(shape, bool)

    def decode(i: int) -> None:
        record = records[int(numbers[i])]
        images[i] = record["image"][..., 0]
        for target, name in ((masks, "mask"), (malignant, "malignant_mask")):
            inside = record[name][..., 0] > 0
            lines = np.flatnonzero(inside.any(1))  # the rest of zeros takes no memory
            target[i, lines] = inside[lines]

    with ThreadPoolExecutor(os.cpu_count()) as threads:  # decoding PNG releases Python's lock
        list(threads.map(decode, range(len(numbers))))
    return Views(images, masks, malignant, *(facts[key][numbers] for key in _FACTS))
