"""Case-description rows: the lesions of CBIS-DDSM and the mammograms they lie in."""

import csv
import io
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from itertools import chain, count

from jaxcbis.errors import UserError

SPLITS = ("train", "test")
TYPES = {"mass": "mass", "calc": "calcification"}
CSV_NAMES = {
    (stem, split): f"{stem}_case_description_{split}_set.csv" for stem in TYPES for split in SPLITS
}
TARGETS = ("BENIGN", "MALIGNANT")
WITHOUT_CALLBACK = "BENIGN_WITHOUT_CALLBACK"

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


@dataclass(frozen=True)
class Lesion:
    """One abnormality row: an annotated lesion in one mammogram.

    Attributes:
        id: `TYPE-SPLIT_PATIENT_SIDE_VIEW_ID`, unique within the release.
        view_id: the same without the lesion's number; names the mammogram.
        split: 'train' or 'test', by the file that holds the row.
        abnormality_type: 'mass' or 'calcification', by the file that holds the row.
        pathology: upper case, as in the row.
        image_uid: SeriesInstanceUID of the mammogram, which names its folder under `jpeg/`.
        mask_uids: SeriesInstanceUIDs whose folders may hold the mask: one or two.
    """

    id: str
    view_id: str
    split: str
    patient_id: str
    side: str
    view: str
    abnormality_type: str
    pathology: str
    image_uid: str
    mask_uids: tuple[str, ...]

    @property
    def is_target(self) -> bool:
        """Whether the lesion belongs to one of the four lesion classes."""
        return self.pathology in TARGETS


@dataclass(frozen=True)
class View:
    """One mammogram and every known lesion in it.

    Attributes:
        lesions: the lesions annotated on this very series.
        others: lesions of the same patient, side and view annotated on another series: the
            mass and the calcification files hold some mammograms twice.
    """

    id: str
    split: str
    image_uid: str
    lesions: tuple[Lesion, ...]
    others: tuple[Lesion, ...] = ()

    @property
    def targets(self) -> tuple[Lesion, ...]:
        return tuple(lesion for lesion in self.lesions if lesion.is_target)

    @property
    def without_callback(self) -> bool:
        """Whether the paper draws background patches from this mammogram."""
        return any(lesion.pathology == WITHOUT_CALLBACK for lesion in self.lesions)


def parse(data: bytes, *, abnormality_type: str, split: str, where: str) -> list[Lesion]:
    """Reads one case-description CSV.

    Line ends may be LF or CRLF, paths may end with a newline inside their quotes, and column
    names may be spelled with blanks or underscores.

    Args:
        data: the file's bytes.
        abnormality_type: 'mass' or 'calcification'.
        split: 'train' or 'test'.
        where: the file's name, for messages.

    Raises:
        UserError: if the file is no UTF-8 CSV or lacks a column, naming both.
    """
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        header = list(reader.fieldnames or [])
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f"{where} is no readable CSV ({error}); fetch the release's file again"
        ) from error
    names = {_spelling(name): name for name in header}
    missing = [column for column in COLUMNS if _spelling(column) not in names]
    if missing:
        raise UserError(
            f"{where} lacks the column {', '.join(map(repr, missing))}; it has "
            f"{', '.join(map(repr, header)) or 'none'}; use the release's own CSV"
        )
    cells = ([(row[names[_spelling(column)]] or "").strip() for column in COLUMNS] for row in rows)
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
        for patient, side, view, pathology, image, crop, mask in cells
        if any((patient, side, view, pathology, image, crop, mask))
    ]


def _spelling(name: str) -> str:
    return name.strip().lower().replace("_", " ")


def _component(path: str, index: int) -> str:
    """A component of `ID/StudyInstanceUID/SeriesInstanceUID/NAME.dcm`; '' where it is short."""
    parts = path.split("/")
    return parts[index].strip() if len(parts) == 4 else ""


def distinct(lesions: Iterable[Lesion]) -> tuple[list[Lesion], list[dict[str, str]]]:
    """Returns lesions with unique ids, and the rows dropped as `{id, reason}`.

    A repeated row is dropped; another lesion under a taken id gets `-2`, `-3` and so on.
    """
    kept: dict[str, Lesion] = {}
    seen: set[Lesion] = set()
    dropped = []
    for lesion in lesions:
        if not (lesion.id and lesion.view_id and lesion.image_uid):
            name = lesion.id or lesion.view_id or f"{lesion.patient_id}_{lesion.side}_{lesion.view}"
            dropped.append(
                {"id": name, "reason": "a path in its row is not ID/study/series/file.dcm"}
            )
            continue
        if lesion in seen:
            dropped.append({"id": lesion.id, "reason": "the same row appears twice"})
            continue
        seen.add(lesion)
        name = _free_name(lesion.id, kept)
        kept[name] = replace(lesion, id=name)
    return list(kept.values()), dropped


def _free_name(name: str, taken: Container[str]) -> str:
    numbered = (f"{name}-{number}" for number in count(2))
    return next(free for free in chain([name], numbered) if free not in taken)


def views(lesions: Iterable[Lesion]) -> list[View]:
    """Groups lesions by mammogram (split and series), sorted by view id.

    A lesion of the same patient, side and view on another series is named in `others`, whatever
    its type or split.
    """
    by_series: dict[tuple[str, str], list[Lesion]] = {}
    by_place: dict[tuple[str, str, str], list[Lesion]] = {}
    for lesion in lesions:
        by_series.setdefault((lesion.split, lesion.image_uid), []).append(lesion)
        by_place.setdefault((lesion.patient_id, lesion.side, lesion.view), []).append(lesion)
    grouped: dict[str, View] = {}
    for (split, uid), members in by_series.items():
        first = members[0]
        place = by_place[first.patient_id, first.side, first.view]
        others = tuple(lesion for lesion in place if lesion not in members)
        name = _free_name(first.view_id, grouped)
        grouped[name] = View(name, split, uid, tuple(members), others)
    return [grouped[name] for name in sorted(grouped)]
