"""Patches of one's own to the .npz file that `--data FILE.npz` takes."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from jaxcbis.config import PROTOCOLS, Config
from jaxcbis.data import exported, given
from jaxcbis.data import splits as splitting
from jaxcbis.data.given import Given
from jaxcbis.data.patches import SPLITS, Dataset, Patches, resize, resize_mask
from jaxcbis.errors import InvalidValueError, meant
from jaxcbis.labels import BACKGROUND, LABELS


# Nine parameters: the fields of the file, each by its name.
def save_patches(
    path: Path | str,
    images: Iterable[Given],
    labels: Sequence[str | int] | np.ndarray,
    groups: Sequence[str | int] | np.ndarray,
    *,
    masks: Iterable[np.ndarray] | None = None,
    splits: Sequence[str] | np.ndarray | None = None,
    ids: Sequence[str] | np.ndarray | None = None,
    protocol: str = "clean",
    image_size: int = 224,
) -> Path:
    """Writes patches to an .npz file that `jaxcbis.train(data=FILE.npz)` and `--data` take.

    The file holds one array a field, each with n rows: `images` uint8 [n, size, size], `masks`
    uint8 [n, size, size], `labels` int32, `ids`, `patients` and `splits`; and `label_names`,
    `protocol`, `source` and `name`. Every field is checked here and again when the file is read.

    The classes are those of `jaxcbis.LABELS`, by these names and in this order. A class may have no
    patch: it stays in every table, without figures. Other names are not possible.

    Args:
      path: of the file; one that exists is replaced.
      images: n pictures of any sizes, each as of `jaxcbis.predict`; stretched to a square and kept
        in 8 bit.
      labels: n names of `jaxcbis.LABELS`, or their indices.
      groups: n patients, or what else must not lie on two sides of a split.
      masks: n arrays, each of its picture's height and width, not 0 on the lesion and all 0 on
        background. Without masks nothing is said of where the model looks.
      splits: n of 'train', 'validation' and 'test'. If None, about 15 % of the patches are drawn to
        test, group by group and with every class as far as the groups allow, and 15 % of the others
        to validate; the same ones every time.
      ids: n names, all different; 'patch-0' and so on if None.
      protocol: 'clean' if lesions lie in the middle of their patches, 'shifted' if they may lie
        anywhere in them, 'paper' to normalise each class by itself as the paper does. A training
        on the file takes it from there.
      image_size: side of the patches in the file, 32 to 512 pixels. A training on the file takes it
        from there.

    Returns:
      The file.

    Raises:
      UserError: a field is of another kind (also a ValueError), a picture cannot be read, or the
        file cannot be written.

    Examples:
      >>> rng = np.random.default_rng(0)
      >>> labels = ["BENIGN_Mass", "MALIGNANT_Mass"] * 20
      >>> images = [rng.integers(0, 256, (40, 50)).astype(np.uint8) for _ in labels]
      >>> patients = [f"patient {i // 2}" for i in range(40)]
      >>> jaxcbis.save_patches("own.npz", images, labels, patients, image_size=32).name
      'own.npz'
    """
    path = Path(os.path.expanduser(path))
    if path.suffix.lower() != ".npz":
        raise InvalidValueError(f"path {path}: expected a name that ends in .npz")
    if protocol not in PROTOCOLS:
        raise InvalidValueError(f"protocol {protocol!r}: expected one of {', '.join(PROTOCOLS)}")
    bounds = Config.__dataclass_fields__["image_size"].metadata
    if image_size not in range(bounds["low"], bounds["high"] + 1):
        raise InvalidValueError(
            f"image_size {image_size!r}: expected a whole number from {bounds['low']} to "
            f"{bounds['high']}"
        )
    asked = given.several(images)
    if asked.single:
        raise InvalidValueError("images: expected a list of pictures, got a single one")
    count = len(asked.pictures)
    names = [f"patch-{i}" for i in range(count)] if ids is None else ids
    patches = Patches(
        np.stack([resize(picture, image_size) for picture in asked.pictures]),
        _masks(masks, asked.pictures, image_size),
        _labels(_column("labels", labels, count)),
        _names("ids", names, count),
        _names("groups", groups, count),
        np.zeros((count, 2), np.int32),
    )
    sides = _drawn(patches) if splits is None else _column("splits", splits, count).astype(str)
    if fault := exported.fault(patches, sides, protocol):
        raise InvalidValueError(fault)
    if patches.masks[patches.labels == BACKGROUND].any():
        raise InvalidValueError(
            f"a mask of {LABELS[BACKGROUND]} is not 0 everywhere: it has no lesion"
        )
    parts = {name: patches.select(sides == name) for name in SPLITS}
    for name, part in parts.items():
        if not len(part):
            raise InvalidValueError(f"splits: no patch is in {name}; give splits=, or more groups")
    notes = asked.notes[:1] and [f"pictures read with a note, the first {asked.notes[0]}"]
    exported.save(path, Dataset(parts, str(path), path.stem, [], notes=notes), protocol)
    return path


def _column(name: str, values: Sequence | np.ndarray, count: int) -> np.ndarray:
    found = np.asarray(values)
    if found.shape != (count,):
        raise InvalidValueError(
            f"{name} {list(found.shape)}: expected one for each of {count} images"
        )
    return found


def _names(name: str, values: Sequence | np.ndarray, count: int) -> np.ndarray:
    """Text [n] of names or whole numbers; NaN, as of a table's empty cells, would join patients."""
    found = _column(name, values, count)
    for value in found.tolist():
        if not isinstance(value, (str, int)):
            raise InvalidValueError(f"{name}: {value!r} is neither text nor a whole number")
    return found.astype(str)


def _labels(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind in "iu":
        return values.astype(np.int64)  # judged with the other fields
    for value in values.tolist():
        if value not in LABELS:
            raise InvalidValueError(
                f"labels: {value!r} is none of {', '.join(LABELS)}{meant(str(value), LABELS)}"
            )
    return np.array([LABELS.index(value) for value in values.tolist()])


def _masks(
    masks: Iterable[np.ndarray] | None, pictures: Sequence[np.ndarray], size: int
) -> np.ndarray:
    """bool [n, size, size]; all false if there are none."""
    if masks is None:
        return np.zeros((len(pictures), size, size), bool)
    listed = [np.asarray(mask) for mask in masks]
    if len(listed) != len(pictures):
        raise InvalidValueError(f"masks: {len(listed)} for {len(pictures)} images")
    for number, (mask, picture) in enumerate(zip(listed, pictures, strict=True)):
        if mask.shape != picture.shape or mask.dtype.kind not in "biuf":
            raise InvalidValueError(
                f"mask {number}: {mask.dtype} {list(mask.shape)}, expected numbers "
                f"{list(picture.shape)} as its image has"
            )
    return np.stack([resize_mask((mask != 0).astype(np.uint8), size) for mask in listed])


def _drawn(patches: Patches) -> np.ndarray:
    """The name of each patch's split, drawn group by group."""
    sides = np.full(len(patches), "train", dtype="U10")
    for name in ("test", "validation"):
        rest = np.flatnonzero(sides == "train")
        if len(rest):
            sides[rest[splitting.grouped(patches.labels[rest], patches.patients[rest])]] = name
    return sides
