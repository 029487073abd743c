"""Patches as arrays at the model's size, and the file that carries them elsewhere."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from jaxcbis.errors import UserError
from jaxcbis.labels import BACKGROUND, LABELS
from jaxcbis.machine import files, hosts

SPLITS = ("train", "validation", "test")
#: Items of the official test split whose patients are in train; the clean protocol sets them apart.
OVERLAP = "test_overlap"


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
      splits: 'train', 'validation' and 'test'; under the clean protocol also `OVERLAP`.
      source: 'demo', or the path that was read.
      name: what a person calls it.
      dropped: [{'id', 'reason'}], what the release holds and the splits do not.
    """

    splits: dict[str, Patches]
    source: str
    name: str
    dropped: list[dict[str, str]]


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """Stretches a grey image [height, width] to [size, size], averaging where it shrinks."""
    shrinks = min(image.shape) > size
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, (size, size), interpolation=interpolation)


def resize_mask(mask: np.ndarray, size: int) -> np.ndarray:
    """Stretches a mask [height, width] to bool [size, size] by its nearest pixels."""
    return cv2.resize(mask, (size, size), interpolation=cv2.INTER_NEAREST_EXACT) > 0


def lesion_side(patches: Patches) -> float | None:
    """Median side of the lesions' crops in pixels of their mammograms; None where it is unknown.

    The side of a crop that is no square is the root of its area.
    """
    sizes = patches.sizes[patches.labels != BACKGROUND]
    return float(np.median(np.sqrt(sizes.prod(axis=1)))) if sizes.size and sizes.all() else None


def from_records(records: Any, size: int) -> Patches:
    """Decodes a split of the TFDS data set; of several hosts each one its share.

    Args:
      records: a sequence of examples with `image`, `mask`, `label`, `id` and `patient_id`.
      size: side of the patches in pixels.

    Returns:
      The patches in the order of their ids.
    """
    mine = hosts.share(len(records))
    count = len(mine)
    depth = records[0]["image"].dtype if len(records) else np.uint8
    images = np.empty((count, size, size), depth)
    masks = np.empty((count, size, size), bool)
    labels = np.empty(count, np.int32)
    sizes = np.empty((count, 2), np.int32)

    def decode(i: int) -> tuple[str, str]:
        record = records[mine[i]]
        images[i] = resize(record["image"][..., 0], size)
        masks[i] = resize_mask(record["mask"][..., 0], size)
        labels[i] = record["label"]
        sizes[i] = record["image"].shape[1::-1]
        return _text(record["id"]), _text(record["patient_id"])

    with ThreadPoolExecutor(os.cpu_count()) as threads:  # decoding PNG releases Python's lock
        names = list(threads.map(decode, range(count)))
    ids, patients = np.array(names, str).reshape(count, 2).T
    read = hosts.exchange((images, masks, labels, ids, patients, sizes))
    patches = Patches(*(np.concatenate(of) if of[1:] else of[0] for of in zip(*read, strict=True)))
    return patches.select(np.argsort(patches.ids, kind="stable"))


def save(path: Path, dataset: Dataset, protocol: str) -> None:
    """Writes a Dataset to an .npz file that `load` and any other framework can read.

    The file holds images, masks (uint8, 0 or 1), labels, ids, patients, sizes, splits (one name
    per patch), label_names, protocol, source and name, and dropped (ids and reasons).

    Raises:
      UserError: the file cannot be written.
    """
    parts = list(dataset.splits.values())
    joined = Patches(*map(np.concatenate, zip(*(part.arrays() for part in parts), strict=True)))
    advice = "free space or choose another file"
    files.make_folder(path.parent, advice)
    with files.replacing(path, advice) as file:
        np.savez_compressed(
            file,
            images=joined.images,
            masks=joined.masks.astype(np.uint8),
            labels=joined.labels,
            ids=joined.ids,
            patients=joined.patients,
            sizes=joined.sizes,
            splits=np.repeat(list(dataset.splits), [len(part) for part in parts]),
            label_names=np.array(LABELS),
            protocol=np.array(protocol),
            source=np.array(dataset.source),
            name=np.array(dataset.name),
            dropped_ids=np.array([item["id"] for item in dataset.dropped], str),
            dropped_reasons=np.array([item["reason"] for item in dataset.dropped], str),
        )


def load(path: Path, size: int, protocol: str) -> Dataset:
    """Reads what `save` wrote.

    Raises:
      UserError: the file is absent, damaged or of another kind, or its patches are of another size
        or protocol.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            fields = {key: file[key] for key in file.files}
    except FileNotFoundError as error:
        raise UserError(f"--data {path}: no such file") from error
    except Exception as error:  # a damaged archive raises many kinds
        raise UserError(f"--data {path}: not a readable .npz file ({error})") from error
    needed = {"images", "masks", "labels", "ids", "patients", "splits", "label_names", "protocol"}
    if missing := sorted(needed - fields.keys()):
        raise UserError(
            f"--data {path}: lacks {', '.join(missing)}; expected a file of prepare --export"
        )
    if tuple(fields["label_names"]) != LABELS:
        raise UserError(f"--data {path}: classes {list(fields['label_names'])}, expected {LABELS}")
    if str(fields["protocol"]) != protocol:
        raise UserError(
            f"--data {path}: cut by protocol {fields['protocol']}, expected {protocol}; set "
            "--protocol or export again"
        )
    images = fields["images"]
    if images.ndim != 3 or images.dtype not in (np.uint8, np.uint16):
        raise UserError(
            f"--data {path}: images are {images.dtype} {images.shape}, expected uint8 or uint16 "
            "[n, size, size]; export again"
        )
    if images.shape[1:] != (size, size):
        raise UserError(
            f"--data {path}: its patches are {images.shape[1]} pixels wide, expected {size}; add "
            f"--image-size {images.shape[1]} or export again"
        )
    joined = Patches(
        images,
        fields["masks"].astype(bool),
        fields["labels"].astype(np.int32),
        fields["ids"],
        fields["patients"],
        fields.get("sizes", np.zeros((len(images), 2), np.int32)),
    )
    lengths = {len(field) for field in (*joined.arrays(), fields["splits"])}
    if len(lengths) > 1:
        raise UserError(f"--data {path}: its arrays differ in length: {sorted(lengths)}")
    names = SPLITS if protocol == "paper" else (*SPLITS, OVERLAP)
    dropped = zip(fields.get("dropped_ids", ()), fields.get("dropped_reasons", ()), strict=True)
    return Dataset(
        {name: joined.select(fields["splits"] == name) for name in names},
        str(fields.get("source", path)),
        str(fields.get("name", path.stem)),
        [{"id": str(item), "reason": str(reason)} for item, reason in dropped],
    )


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
