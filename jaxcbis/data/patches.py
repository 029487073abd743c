"""Patches as arrays at the model's size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from jaxcbis.labels import BACKGROUND

SPLITS = ("train", "validation", "test")
#: Items of the official test split whose patients are in train; all protocols but the paper's set
#: them apart.
OVERLAP = "test_overlap"
#: Levels of 16 bit for each one of 8.
STEP = 257


@dataclass(frozen=True)
class Patches:
    """Grey patches of one split, all of one size.

    Attributes:
      images: uint8 [n, size, size]; uint16 from a DICOM release.
      masks: bool [n, size, size], true on the lesion; all false on background.
      labels: int32 [n], an index into LABELS.
      ids: str [n], unique.
      patients: str [n].
      sizes: int32 [n, 2], width and height of the crop in pixels of its mammogram; 0 where a file
        does not tell.
    """

    images: np.ndarray
    masks: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    patients: np.ndarray
    sizes: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, index: np.ndarray) -> "Patches":
        """The patches at `index`: whole numbers [k] or a bool mask [n]."""
        return Patches(*(array[index] for array in self.arrays()))

    def arrays(self) -> tuple[np.ndarray, ...]:
        """The arrays, in the order of their definition."""
        return self.images, self.masks, self.labels, self.ids, self.patients, self.sizes


class Dataset(NamedTuple):
    """The three splits, and where they come from.

    Attributes:
      splits: 'train', 'validation' and 'test'; under all protocols but the paper's also `OVERLAP`.
      source: 'demo', or the path that was read.
      name: what a person calls it.
      dropped: [{'id', 'reason'}], what the release holds and the splits do not.
      short: [{'id', 'reason'}], the windows that fall short of the shifted protocol.
      assumed: [{'id', 'reason'}], what had to be assumed to read mammograms.
      notes: what had to be assumed of the release, and what it lacks.
    """

    splits: dict[str, Patches]
    source: str
    name: str
    dropped: list[dict[str, str]]
    short: Sequence[dict[str, str]] = ()
    assumed: Sequence[dict[str, str]] = ()
    notes: Sequence[str] = ()


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """Stretches a grey image [height, width] to [size, size], averaging where it shrinks."""
    shrinks = min(image.shape) > size
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, (size, size), interpolation=interpolation)


def resize_mask(mask: np.ndarray, size: int) -> np.ndarray:
    """Stretches a mask [height, width] to bool [size, size] by its nearest pixels."""
    return cv2.resize(mask, (size, size), interpolation=cv2.INTER_NEAREST_EXACT) > 0


def averaged(mask: np.ndarray, grid: int) -> np.ndarray:
    """The share of each of grid x grid cells that a mask [side, side] covers, float32."""
    return cv2.resize(mask.astype(np.float32), (grid, grid), interpolation=cv2.INTER_AREA)


def eight_bit(image: np.ndarray) -> np.ndarray:
    """Rounds a uint16 image [height, width] to uint8; one of 8 bit stays as it is."""
    return image if image.dtype == np.uint8 else cv2.convertScaleAbs(image, alpha=1 / STEP)


def lesion_side(patches: Patches) -> float | None:
    """Median side of the lesions' crops in pixels of their mammograms; None where it is unknown.

    The side of a crop that is no square is the root of its area.
    """
    sizes = patches.sizes[patches.labels != BACKGROUND]
    return float(np.median(np.sqrt(sizes.prod(axis=1)))) if sizes.size and sizes.all() else None
