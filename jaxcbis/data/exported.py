"""The .npz file that carries patches elsewhere."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile

from jaxcbis import config as options
from jaxcbis.data.patches import OVERLAP, SPLITS, Dataset, Patches
from jaxcbis.errors import MissingFileError, UserError
from jaxcbis.labels import BACKGROUND, LABELS
from jaxcbis.machine import files

#: What a file must hold.
NEEDED = {"images", "masks", "labels", "ids", "patients", "splits", "label_names", "protocol"}
#: Ids and reasons that tell of patches: '<name>_ids' and '<name>_reasons'.
_TOLD = ("dropped", "short", "assumed")
#: What is read where it is there. Nothing else is.
_OPTIONAL = {"sizes", "source", "name", "notes"} | {
    f"{name}_{part}" for name in _TOLD for part in ("ids", "reasons")
}


def save(path: Path, dataset: Dataset, protocol: str) -> None:
    """Writes a Dataset to an .npz file that `load` and any other framework can read.

    The file holds images, masks (uint8, 0 or 1), labels, ids, patients, sizes, splits (one name
    per patch), label_names, protocol, source, name, notes, and dropped, short and assumed
    (ids and reasons).

    Raises:
      UserError: the file cannot be written.
    """
    parts = list(dataset.splits.values())
    joined = Patches(*map(np.concatenate, zip(*(part.arrays() for part in parts), strict=True)))
    told: dict[str, Any] = {
        f"{name}_{part}s": np.array([item[part] for item in getattr(dataset, name)], str)
        for name in _TOLD
        for part in ("id", "reason")
    }
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
            notes=np.array(dataset.notes, str),
            **told,
        )


def options_of_file(given: Mapping[str, Any]) -> dict[str, Any]:
    """The protocol and the size of a file of patches, where they are not given.

    Args:
      given: options of a run, by field name.

    Returns:
      Options to add to them; none of other data, or where the file is not there.

    Raises:
      UserError: the file is damaged or of another kind.
    """
    data = given.get("data")
    if data is None or not options.is_exported(data) or not Path(data).is_file():
        return {}
    return {name: value for name, value in look(Path(data)).items() if name not in given}


def look(path: Path) -> dict[str, Any]:
    """What a file says of its patches, without reading them: their 'protocol' and 'image_size'.

    Raises:
      UserError: the file is absent (a MissingFileError), damaged or of another kind.
    """
    with _opened(path) as file:
        if said := _lacking(file.files):
            raise UserError(f"--data {path}: {said}")
        assert file.zip is not None  # which a file that is closed has not
        with file.zip.open("images.npy") as images:
            version = np.lib.format.read_magic(images)
            read = np.lib.format.read_array_header_1_0
            if version != (1, 0):
                read = np.lib.format.read_array_header_2_0
            shape, _, _ = read(images)
        # What is not as it has to be is told by `load`, with the other fields.
        size = {"image_size": shape[1]} if len(shape) == 3 else {}
        protocol = str(file["protocol"])
        return ({"protocol": protocol} if protocol in options.PROTOCOLS else {}) | size


def require(path: Path, size: int, protocol: str) -> None:
    """Looks whether a file is the one that was asked for, without reading its patches.

    Args:
      path, size, protocol: as of `load`.

    Raises:
      UserError: it is not, or as of `look`.
    """
    found = look(path)
    its_protocol, its_size = found.get("protocol", protocol), found.get("image_size", size)
    if said := _other_cut(its_protocol, its_size, size, protocol):
        raise UserError(f"--data {path}: {said}")


def load(path: Path, size: int, protocol: str) -> Dataset:
    """Reads what `save` wrote.

    Args:
      path: of the file.
      size: side in pixels that its patches must have.
      protocol: that they must have been cut by.

    Raises:
      UserError: the file is absent (a MissingFileError), damaged or of another kind, or its
        patches are of another size or protocol.
    """
    fields = _read(path)
    if said := _misfit(fields, size, protocol):
        raise UserError(f"--data {path}: {said}")
    texts = {name: _text(fields[name]) for name in ("ids", "patients", "splits")}
    joined = Patches(
        fields["images"],
        fields["masks"],
        fields["labels"],
        texts["ids"],
        texts["patients"],
        fields.get("sizes", np.zeros((len(fields["images"]), 2), np.int32)),
    )
    if said := fault(joined, texts["splits"], protocol):
        raise UserError(f"--data {path}: {said}")
    notes = [str(note) for note in np.ravel(fields.get("notes", []))]
    masks = joined.masks.astype(bool)
    if marked := int(masks[joined.labels == BACKGROUND].any((1, 2)).sum()):
        masks[joined.labels == BACKGROUND] = False
        notes.append(f"{marked} masks of {LABELS[BACKGROUND]} were not empty and are left out")
    joined = replace(joined, masks=masks, labels=joined.labels.astype(np.int32))
    names = SPLITS if protocol == "paper" else (*SPLITS, OVERLAP)
    return Dataset(
        {name: joined.select(texts["splits"] == name) for name in names},
        str(fields.get("source", path)),
        str(fields.get("name", path.stem)),
        _items("dropped", fields),
        _items("short", fields),
        _items("assumed", fields),
        notes,
    )


def fault(patches: Patches, sides: np.ndarray, protocol: str) -> str:
    """What is wrong with the fields of a file, in words; '' if nothing is.

    Args:
      patches: all of them, as the file has them: masks may be numbers, 0 off the lesion.
      sides: [n], the name of each one's split.
      protocol: that they were cut by; all but the paper's keep patients apart.
    """
    shape, labels, masks = patches.images.shape, patches.labels, patches.masks
    lengths = {np.shape(field)[:1] for field in (*patches.arrays(), sides)}
    texts = {"ids": patches.ids, "patients": patches.patients, "splits": sides}
    if lengths != {shape[:1]} or any(x.ndim != 1 for x in (labels, *texts.values())):
        return f"its arrays differ in length: {sorted(lengths)}"
    for name, column in texts.items():
        if column.dtype.kind != "U":
            return f"{name} are {column.dtype}, expected text or whole numbers"
    if masks.shape != shape or masks.dtype.kind not in "biu":
        return (
            f"masks are {masks.dtype} {list(masks.shape)}, expected 0 and 1, {list(shape)} as "
            "images are"
        )
    if patches.sizes.shape != (len(labels), 2) or patches.sizes.dtype.kind not in "iuf":
        return (
            f"sizes are {patches.sizes.dtype} {list(patches.sizes.shape)}, expected numbers [n, 2]"
        )
    if labels.dtype.kind not in "iu" or not np.isin(labels, range(len(LABELS))).all():
        return f"labels are not all whole numbers from 0 to {len(LABELS) - 1}, for {LABELS}"
    known = (*SPLITS, OVERLAP)
    if unknown := sorted(set(sides.tolist()) - set(known)):
        return f"split {unknown[0]!r}: expected one of {', '.join(known)}"
    pairs, counts = np.unique(np.stack([sides, patches.ids]), axis=1, return_counts=True)
    if (counts > 1).any():
        side, twice = pairs[:, counts > 1][:, 0]
        return f"id {str(twice)!r} stands twice in {side}: give each patch its own"
    return "" if protocol == "paper" else _shared(patches.patients, sides)


def _shared(patients: np.ndarray, sides: np.ndarray) -> str:
    """Names a patient on two sides, which only the paper's protocol has."""
    of = {name: set(patients[sides == name].tolist()) for name in SPLITS}
    for one, other in itertools.combinations(SPLITS, 2):
        if both := of[one] & of[other]:
            return (
                f"group {min(both)!r} is in {one} and in {other}: only the paper protocol mixes "
                "patients; give each group one split"
            )
    return ""


def _items(name: str, fields: dict[str, np.ndarray]) -> list[dict[str, str]]:
    """What has an id and a reason; nothing where the file does not tell."""
    pairs = zip(fields.get(f"{name}_ids", ()), fields.get(f"{name}_reasons", ()), strict=True)
    return [{"id": str(item), "reason": str(reason)} for item, reason in pairs]


def _text(column: np.ndarray) -> np.ndarray:
    """Whole numbers and bytes as text; anything else as it is."""
    if column.dtype.kind == "S":
        return np.char.decode(column, "utf-8", "replace")
    return column.astype(str) if column.dtype.kind in "iu" else column


def _read(path: Path) -> dict[str, np.ndarray]:
    with _opened(path) as file:
        return {key: file[key] for key in file.files if key in NEEDED | _OPTIONAL}


@contextmanager
def _opened(path: Path) -> Iterator[NpzFile]:
    """A file of arrays; what goes wrong within is the file's fault."""
    try:
        # NumPy leaves a damaged file open that it has opened itself.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            yield file
    except UserError:
        raise
    except FileNotFoundError as error:
        raise MissingFileError(f"--data {path}: no such file") from error
    except Exception as error:  # a damaged archive raises many kinds
        raise UserError(f"--data {path}: not a readable .npz file ({error})") from error


def _lacking(names: Iterable[str]) -> str:
    """What a file with these fields lacks, in words; '' if it is nothing."""
    if missing := sorted(NEEDED - set(names)):
        return (
            f"lacks {', '.join(missing)}; expected a file of prepare --export or of "
            "jaxcbis.save_patches"
        )
    return ""


def _misfit(fields: dict[str, np.ndarray], size: int, protocol: str) -> str:
    """Why a file is not the one that was asked for; '' if it is."""
    if said := _lacking(fields):
        return said
    if (names := _text(fields["label_names"]).tolist()) != list(LABELS):
        return f"classes {names}, expected {list(LABELS)}"
    for name in _TOLD:
        shapes = [np.shape(fields.get(f"{name}_{part}", [])) for part in ("ids", "reasons")]
        if shapes[0] != shapes[1] or len(shapes[0]) != 1:
            return f"{name}_ids and {name}_reasons are {shapes}, expected two lists of one length"
    images = fields["images"]
    if images.ndim != 3 or images.dtype not in (np.uint8, np.uint16):
        return (
            f"images are {images.dtype} {images.shape}, expected uint8 or uint16 [n, size, size]; "
            "export again"
        )
    if images.shape[1] != images.shape[2]:
        return f"its patches are {images.shape[2]} x {images.shape[1]} pixels, expected squares"
    return _other_cut(str(fields["protocol"]), images.shape[1], size, protocol)


def _other_cut(its_protocol: str, its_size: int, size: int, protocol: str) -> str:
    """Why patches are not cut as was asked for, in words; '' if they are."""
    if its_protocol != protocol:
        return (
            f"cut by protocol {its_protocol}, expected {protocol}; export again with "
            f"--protocol {protocol}, or train with --protocol {its_protocol}"
        )
    if its_size != size:
        return (
            f"its patches are {its_size} pixels wide, expected {size}; export again with "
            f"--image-size {size}, or train with --image-size {its_size}"
        )
    return ""
