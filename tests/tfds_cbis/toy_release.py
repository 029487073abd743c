"""Builds tiny releases, one abnormality at a time, for tests that need exact pixels."""

import csv
import hashlib
from pathlib import Path

import cv2
import numpy as np

from tfds_cbis.release.cases import CSV_NAMES
from tfds_cbis.release.rows import COLUMNS


def jpeg(image: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def film(height: int = 120, width: int = 100, seed: int = 0) -> np.ndarray:
    """A noisy grey mammogram, bright everywhere."""
    return np.random.default_rng(seed).integers(60, 160, (height, width)).astype(np.uint8)


def mask(shape: tuple[int, int], x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    """A white half-open rectangle on black."""
    image = np.zeros(shape, np.uint8)
    image[y0:y1, x0:x1] = 255
    return image


def series(name: str) -> str:
    """The SeriesInstanceUID of what is called so: `VIEW.image`, `LESION.mask` or `LESION.crop`."""
    return f"2.25.{int.from_bytes(hashlib.sha256(name.encode()).digest()[:15], 'big')}"


class ToyRelease:
    """Rows and files of a release under construction."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.rows: dict[tuple[str, str], list[list[str]]] = {key: [] for key in CSV_NAMES}
        for name in ("csv", "jpeg"):
            (folder / name).mkdir(parents=True)

    def add(  # a word for each column of a row
        self,
        *,
        pathology: str = "BENIGN",
        kind: str = "mass",
        split: str = "train",
        patient: str = "P_00001",
        side: str = "LEFT",
        view: str = "CC",
        number: int = 1,
        image_uid: str | None = None,
        files: dict[str, bytes | np.ndarray],
    ) -> str:
        """Adds a row and its files; names are 'image', 'mask', 'crop' and the folders' uids.

        Args:
          files: 'FOLDER/NAME.jpg' to pixels or bytes, FOLDER one of image, mask and crop.
        """
        stem = f"{kind.title()}-{'Training' if split == 'train' else 'Test'}"
        place = f"{stem}_{patient}_{side}_{view}"
        lesion = f"{place}_{number}"
        uids = {
            "image": image_uid or series(f"{place}.image"),
            "mask": series(f"{lesion}.mask"),
            "crop": series(f"{lesion}.crop"),
        }
        for name, content in files.items():
            folder, file = name.split("/")
            target = self.folder / "jpeg" / uids[folder]
            target.mkdir(exist_ok=True)
            data = content if isinstance(content, bytes) else jpeg(content)
            (target / file).write_bytes(data)
        crop_uid = uids["crop" if any(name.startswith("crop/") for name in files) else "mask"]
        self.rows[kind, split].append(
            [
                patient,
                side,
                view,
                pathology,
                f"{place}/study/{uids['image']}/000000.dcm",
                f"{lesion}/study/{crop_uid}/000000.dcm",
                f"{lesion}/study/{uids['mask']}/000001.dcm\n",
            ]
        )
        return lesion

    def write(self) -> Path:
        """Writes the case-description files that have rows; returns the folder."""
        for key, rows in self.rows.items():
            if rows:
                with (self.folder / "csv" / CSV_NAMES[key]).open("w", newline="") as file:
                    csv.writer(file).writerows([COLUMNS, *rows])
        return self.folder
