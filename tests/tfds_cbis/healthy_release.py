"""A small healthy release with all that is known of it, and copies of it to damage."""

import csv
import io
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from tests.tfds_cbis.toy_release import ToyRelease, film, jpeg, mask, series
from tfds_cbis.release.cases import CSV_NAMES, WITHOUT_CALLBACK
from tfds_cbis.release.rows import COLUMNS

SHAPE = (120, 100)
#: Side of the background crops that suit it.
SIZE = 14
Key = tuple[str, str]


class Known(NamedTuple):
    """A lesion as it was put into the release; its label is spelled as the files spell it."""

    id: str
    key: Key
    patient: str
    pathology: str
    box: tuple[int, int, int, int]
    image: str
    mask: str

    @property
    def view_id(self) -> str:
        return self.id.rpartition("_")[0]


@dataclass
class Case:
    """A copy of the release under damage, and what may come of it.

    Attributes:
      folder: the release.
      data: what is prepared: the folder, or an archive made of it.
      rows: of every CSV, without the header; written after the rows were damaged.
      lesions: what is known of each lesion with its id; a kept one must be just that.
      drawn: source pixels of each image file, by its place in the release.
      touched: lesions that some damage was done to, so that no other picks them.
      lost: lesions that must not be kept.
      doubtful: lesions that may be kept or not.
      gone: lesions that no CSV tells of any more, so that none can name them.
      barren: views that must not give backgrounds, as the mask of some lesion is not known.
      refusable: whether one line instead of a data set is right.
    """

    folder: Path
    data: Path
    rows: dict[Key, list[list[str]]]
    lesions: dict[str, Known]
    drawn: dict[str, np.ndarray]
    touched: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    barren: set[str] = field(default_factory=set)
    refusable: bool = False

    def free(self, *, labelled: bool = True) -> list[Known]:
        """Lesions, with a label or without callback, to whose view nothing was done yet."""
        spoilt = {self.lesions[name].view_id for name in self.touched}
        return [
            x
            for x in self.lesions.values()
            if x.view_id not in spoilt and labelled == (x.pathology != WITHOUT_CALLBACK)
        ]

    def choose(self, pick: int) -> Known:
        """A lesion with a label, with nothing done yet to any of its view."""
        free = self.free()
        return free[pick % len(free)]

    def of_view(self, known: Known) -> list[Known]:
        return [x for x in self.lesions.values() if x.view_id == known.view_id]

    def row(self, known: Known) -> list[str]:
        """The row of a lesion, to be changed in place."""
        return next(row for row in self.rows[known.key] if f"{known.id}/" in "".join(row[6:7]))

    def path(self, name: str) -> Path:
        return self.folder / name

    def read(self, name: str) -> bytes:
        return self.path(name).read_bytes()

    def write(self, name: str, content: bytes | np.ndarray) -> None:
        """Puts a new file in an old one's place: the copy's files are hard links."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else jpeg(content))

    def write_rows(self) -> None:
        for key, rows in self.rows.items():
            text = io.StringIO(newline="")
            csv.writer(text).writerows([COLUMNS, *rows])
            self.write(csv_name(key), text.getvalue().encode("utf-8", "surrogatepass"))

    def ids(self, known: Iterable[Known]) -> set[str]:
        return {x.id for x in known}


def csv_name(key: Key) -> str:
    return f"csv/{CSV_NAMES[key]}"


class Healthy:
    """The release: 32 lesions, 24 of them with a label, in the mammograms of 24 patients.

    Of each type and split there are two mammograms with two lesions, two with one and two without
    callback.
    """

    def __init__(self, folder: Path):
        toy = ToyRelease(folder)
        self.folder, self.rows = folder, toy.rows
        self.lesions: dict[str, Known] = {}
        self.drawn: dict[str, np.ndarray] = {}
        for key in CSV_NAMES:
            for _ in range(2):
                self._view(toy, key, ["BENIGN", "MALIGNANT"])
                self._view(toy, key, [WITHOUT_CALLBACK])
        for key in CSV_NAMES:
            self._view(toy, key, ["MALIGNANT"])
            self._view(toy, key, ["BENIGN"])
        toy.write()

    def _view(self, toy: ToyRelease, key: Key, pathologies: list[str]) -> None:
        number = len({known.patient for known in self.lesions.values()}) + 1
        patient = f"P_{number:05d}"
        mammogram = film(*SHAPE, seed=number)
        for order, pathology in enumerate(pathologies):
            x0, y0 = 8 + number + 40 * order, 10 + number
            box = (x0, y0, x0 + 14 + number % 5, y0 + 19 + 2 * order)
            apart = number % 3 == 0
            crop = mammogram[y0 : box[3], x0 : box[2]]
            files = {"mask/1-2.jpg": mask(SHAPE, *box)}
            files |= {"crop/1-1.jpg" if apart else "mask/1-1.jpg": crop}
            if not order:
                files["image/1-1.jpg"] = mammogram
            split = {"kind": key[0], "split": key[1]}
            name = toy.add(patient=patient, pathology=pathology, number=order + 1, files=files,
                           **split)  # fmt: skip
            view_id = name.rpartition("_")[0]
            known = Known(
                name, key, patient, pathology, box,
                f"jpeg/{series(f'{view_id}.image')}/1-1.jpg",
                f"jpeg/{series(f'{name}.mask')}/1-2.jpg",
            )  # fmt: skip
            self.lesions[name] = known
            self.drawn |= {known.image: mammogram, known.mask: files["mask/1-2.jpg"]}

    def copy(self, folder: Path) -> Case:
        """A copy of hard links, whose files must be replaced, never changed."""
        shutil.copytree(self.folder, folder, copy_function=os.link)
        rows = {key: [list(row) for row in rows] for key, rows in self.rows.items()}
        return Case(folder, folder, rows, dict(self.lesions), self.drawn)

    def pixels(self, known: Known) -> np.ndarray:
        """The mammogram of a lesion, uint8 [height, width], as any decoder reads it."""
        return cv2.imread(str(self.folder / known.image), cv2.IMREAD_GRAYSCALE)
