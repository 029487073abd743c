"""The case-description files to lesions, row by row."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager

from tfds_cbis.errors import SHOWN, CbisError, shorten
from tfds_cbis.release import picture_kinds
from tfds_cbis.release.cases import Lesion

#: What a CSV may be by its first bytes, damaged or not.
TEXT = ("", "a text file", "an empty file")
#: The columns that are needed, as the mass files spell them.
COLUMNS = (
    "patient_id",
    "left or right breast",
    "image view",
    "pathology",
    "image file path",
    "cropped image file path",
    "ROI mask file path",
)


def parse(data: bytes, *, abnormality_type: str, split: str, where: str) -> list[Lesion]:
    """Reads one case-description CSV.

    Line ends may be LF or CRLF, paths may end with a newline inside their quotes, and column
    names may be spelled with blanks or underscores. Semicolons or tabs may divide the columns, as
    spreadsheets save them where a comma is the decimal point.

    Args:
      data: the file's bytes.
      abnormality_type: 'mass' or 'calcification'.
      split: 'train' or 'test'.
      where: the file's name, for messages.

    Raises:
      CbisError: if the file is no UTF-8 CSV, or lacks a column or has it twice, naming both.
    """
    return [
        Lesion(
            id=_component(mask, 0),
            view_id=_component(image, 0),
            split=split,
            patient_id=patient,
            side=side.upper(),
            view=view.upper(),
            abnormality_type=abnormality_type,
            pathology=pathology.upper(),
            image_uid=_component(image, 2),
            mask_uids=tuple(
                dict.fromkeys(uid for path in (mask, crop) if (uid := _component(path, 2)))
            ),
        )
        for patient, side, view, pathology, image, crop, mask in _cells(data, where)
        if any((patient, side, view, pathology, image, crop, mask))
    ]


def _cells(data: bytes, where: str) -> Iterator[list[str]]:
    """The cells of `COLUMNS` of every row."""
    if (kind := picture_kinds.name(data)) not in TEXT:
        raise CbisError(f"{where} is {kind}; use the release's own CSV")
    with _readable(where):
        text = io.StringIO(data.decode("utf-8-sig"), newline="")
        divider = max(",;\t", key=text.readline().count)
        text.seek(0)
        # Strict: a lost quote would make one cell of all rows up to the next.
        reader = csv.DictReader(text, strict=True, delimiter=divider)
        header = list(reader.fieldnames or [])
    spelled = [_spelling(name) for name in header]
    if missing := [column for column in COLUMNS if _spelling(column) not in spelled]:
        there = shorten(", ".join(map(repr, header)) or "none", 2 * SHOWN)
        raise CbisError(
            f"{where} lacks the column {', '.join(map(repr, missing))}; it has {there}; "
            "use the release's own CSV"
        )
    if twice := [column for column in COLUMNS if spelled.count(_spelling(column)) > 1]:
        raise CbisError(
            f"{where} has the column {', '.join(map(repr, twice))} twice; use the release's own CSV"
        )
    with _readable(where):
        rows = list(reader)
    names = dict(zip(spelled, header, strict=True))
    return ([(row[names[_spelling(column)]] or "").strip() for column in COLUMNS] for row in rows)


@contextmanager
def _readable(where: str) -> Iterator[None]:
    try:
        yield
    except (UnicodeDecodeError, csv.Error) as error:
        raise CbisError(
            f"{where} is no readable CSV ({error}); fetch the release's file again"
        ) from error


def _spelling(name: str) -> str:
    return name.strip().lower().replace("_", " ")


def _component(path: str, index: int) -> str:
    """A component of `ID/StudyInstanceUID/SeriesInstanceUID/NAME.dcm`; '' where it is short."""
    parts = path.split("/")
    return parts[index].strip() if len(parts) == 4 else ""
