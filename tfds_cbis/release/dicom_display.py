"""How a DICOM file wants its stored values seen: rescale, lookup tables, window, MONOCHROME1.

Elements that are empty count as absent, as many writers leave them so. What cannot be used is
passed over with a note. DICOM PS3.3 C.11.1 and C.11.2.
"""

import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tfds_cbis.release.depth import DEPTHS, assumed_range, stretched

#: A pydicom dataset; pydicom is imported where a DICOM file is read.
Dataset = Any
Curve = Callable[[np.ndarray], np.ndarray]
#: Where enhanced objects keep what others have at the top. DICOM PS3.3 C.7.6.16.
GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
MACROS = ("PixelValueTransformationSequence", "FrameVOILUTSequence")
#: Between 0 and 1 what becomes of values, by VOI LUT Function, of a window's centre and width.
WINDOWS: dict[str, Callable[[np.ndarray, float, float], np.ndarray]] = {
    "LINEAR": lambda x, centre, width: (x - (centre - 0.5)) / max(width - 1, 1e-6) + 0.5,
    "LINEAR_EXACT": lambda x, centre, width: (x - centre) / width + 0.5,
    "SIGMOID": lambda x, centre, width: 1 / (1 + np.exp(-4 * (x - centre) / width)),
}


def curve(dataset: Dataset, stored: np.ndarray) -> tuple[Curve, list[str]]:
    """How stored values become grey of 16 bit, where bright is dense.

    Args:
      dataset: of the file.
      stored: its pixels; whether any is negative, and whether any needs more bits than it tells.

    Returns:
      A function of values [n] to uint16 [n], and what had to be assumed.
    """
    notes: list[str] = []
    modality, highest = _modality(dataset, notes)
    displayed = _displayed(dataset, notes)
    if displayed is None:
        ends = (0, highest) if highest else modality(_stored_range(dataset, stored, notes))
        displayed = partial(stretched, lowest=min(ends), highest=max(ends))
    inverted = dataset.PhotometricInterpretation == "MONOCHROME1"

    def seen(values: np.ndarray) -> np.ndarray:
        grey = displayed(modality(values))
        return ~grey if inverted else grey

    return seen, notes


def flatten(dataset: Dataset) -> None:
    """Brings the rescale and the window of an enhanced object's first frame to the top."""
    for group, macro in itertools.product(GROUPS, MACROS):
        for functional in (dataset.get(group) or ())[:1]:
            for item in (functional.get(macro) or ())[:1]:
                dataset.update(item)


def _modality(dataset: Dataset, notes: list[str]) -> tuple[Curve, int | None]:
    """From stored values to the detector's; the highest that a table can give, if it is one."""
    found = _table(dataset, "ModalityLUTSequence", notes)
    if found:
        return found
    slope = _number(dataset, "RescaleSlope", notes, 1)
    intercept = _number(dataset, "RescaleIntercept", notes, 0)
    if slope == 0:
        notes.append("its RescaleSlope is 0: left out")
        slope, intercept = 1, 0
    return (lambda values: values * slope + intercept), None


def _stored_range(dataset: Dataset, stored: np.ndarray, notes: list[str]) -> np.ndarray:
    """The lowest and highest that BitsStored can hold; a signed file without a sign starts at 0."""
    bits, least, most = int(dataset.BitsStored), int(stored.min()), int(stored.max())
    is_signed = bool(dataset.PixelRepresentation)
    if is_signed and least >= 0:
        if bits == dataset.BitsAllocated:  # it tells of its container alone
            lowest, highest, assumed = assumed_range(stored)
            notes.append("; ".join(["signed without a negative pixel", *assumed]))
            return np.array([lowest, highest])
        # Detectors have an even number of bits: an odd one counts the sign.
        bits -= bits not in DEPTHS
        notes.append(f"signed without a negative pixel: taken as {bits} bit, not signed")
    half = 2 ** (bits - 1)
    lowest, highest = (-half, half - 1) if is_signed and least < 0 else (0, 2 * half - 1)
    if least < lowest or most > highest:
        lowest, highest, assumed = assumed_range(stored)
        told = f"its pixels, {least} to {most}, do not fit the {bits} bit that it tells of"
        notes.append("; ".join([told, *assumed]))
    elif bits > 8 and max(most, -least) <= highest // 4:
        notes.append(f"taken as {bits} bit as it tells; dark: no pixel is brighter than {most}")
    return np.array([lowest, highest])


def _displayed(dataset: Dataset, notes: list[str]) -> Curve | None:
    """Its VOI lookup table, or else its window; None where it has neither."""
    found = _table(dataset, "VOILUTSequence", notes)
    if found:
        table, highest = found
        return lambda values: stretched(table(values), 0, highest)
    centre = _number(dataset, "WindowCenter", notes)
    width = _number(dataset, "WindowWidth", notes)
    if centre is None or width is None:
        if centre is not width:
            notes.append("its window has a centre or a width alone: left out")
        return None
    name = str(dataset.get("VOILUTFunction") or "LINEAR").strip().upper()
    if name not in WINDOWS:
        notes.append(f"its VOILUTFunction {name!r} is unknown: taken as LINEAR")
        name = "LINEAR"
    if width < 1 if name == "LINEAR" else width <= 0:
        notes.append(f"its WindowWidth is {width:g}: the window is left out")
        return None
    return lambda values: stretched(WINDOWS[name](values, centre, width), 0, 1)


def _table(dataset: Dataset, name: str, notes: list[str]) -> tuple[Curve, int] | None:
    """The first table of a sequence that can be used, and the highest value it can give."""
    broken = False
    for item in dataset.get(name) or ():
        try:
            table, first, bits = _lookup(item, dataset)
        except (AttributeError, TypeError, ValueError, IndexError):
            broken = True
            continue
        highest = 2**bits - 1
        if bits == DEPTHS[-1] or table.max() > highest:  # it tells of the container alone
            _, highest, assumed = assumed_range(table)
            notes.extend(f"its {name} is {note}" for note in assumed)
        return partial(_looked_up, table=table, first=first), int(highest)
    if broken:
        notes.append(f"its {name} is empty or broken: left out")
    return None


def _lookup(item: Dataset, dataset: Dataset) -> tuple[np.ndarray, int, int]:
    """A lookup table's entries, the value that gets the first one, and bits of an entry."""
    count, first, bits = map(int, item.LUTDescriptor)
    count = count or 2**16
    if dataset.PixelRepresentation and first >= 2**15:
        first -= 2**16  # a signed value, read as unsigned
    data = item.LUTData
    if isinstance(data, bytes):
        order = "<" if dataset.file_meta.TransferSyntaxUID.is_little_endian else ">"
        data = np.frombuffer(data, "u1" if len(data) < 2 * count else f"{order}u2")
    table = np.asarray(data)[:count].astype(np.int64)
    if len(table) < count or not 8 <= bits <= 16:
        raise ValueError("a table of another size than it tells of")
    return table, first, bits


def _looked_up(values: np.ndarray, table: np.ndarray, first: int) -> np.ndarray:
    """Entries of a table; what lies below or above it gets its first or its last one."""
    return table[(np.rint(values).astype(np.int64) - first).clip(0, len(table) - 1)]


def _number(dataset: Dataset, name: str, notes: list[str], default: Any = None) -> Any:
    """An element's number, the first where it has several; the default where it is empty."""
    try:
        value = dataset.get(name)
        if value is None or isinstance(value, str):
            values = [] if not value else [value]
        else:
            values = list(value) if hasattr(value, "__iter__") else [value]
        number = next((float(each) for each in values if each not in (None, "")), default)
    except (TypeError, ValueError):
        number = math.nan
    if number is None or math.isfinite(number):
        return number
    notes.append(f"its {name} is no number: left out")
    return default
