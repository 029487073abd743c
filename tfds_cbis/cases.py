"""Case-description rows: the lesions of CBIS-DDSM and the mammograms they lie in."""

import csv
import io
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, count

from jaxcbis.errors import UserError

SPLITS = ("train", "test")
TYPES = {"mass": "mass", "calc": "calcification"}
CSV_NAMES = {
    (stem, split): f"{stem}_case_description_{split}_set.csv" for stem in TYPES for split in SPLITS
}
SIDES = ("LEFT", "RIGHT")
PROJECTIONS = ("CC", "MLO")
TARGETS = ("BENIGN", "MALIGNANT")
WITHOUT_CALLBACK = "BENIGN_WITHOUT_CALLBACK"

#: Why rows are left out.
TWICE = "the same row appears twice"
CLAIMED = "another row with other cells gives the same series folder for its image or mask"
#: Characters shown of a text from a file.
SHOWN = 120

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
        fault: why the row cannot be used, if so. Such a lesion still lies somewhere in the
            mammograms of its patient, side and view: no background may be drawn from them.
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
    fault: str = ""

    @property
    def is_target(self) -> bool:
        """Whether the lesion belongs to one of the four lesion classes, and its row to it."""
        return self.pathology in TARGETS and not self.fault


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
        UserError: if the file is no UTF-8 CSV, or lacks a column or has it twice, naming both.
    """
    with _readable(where):
        text = io.StringIO(data.decode("utf-8-sig"), newline="")
        # Strict: a lost quote would make one cell of all rows up to the next.
        reader = csv.DictReader(text, strict=True)
        header = list(reader.fieldnames or [])
    spelled = [_spelling(name) for name in header]
    if missing := [column for column in COLUMNS if _spelling(column) not in spelled]:
        there = shorten(", ".join(map(repr, header)) or "none", 2 * SHOWN)
        raise UserError(
            f"{where} lacks the column {', '.join(map(repr, missing))}; it has {there}; "
            "use the release's own CSV"
        )
    if twice := [column for column in COLUMNS if spelled.count(_spelling(column)) > 1]:
        raise UserError(
            f"{where} has the column {', '.join(map(repr, twice))} twice; use the release's own CSV"
        )
    with _readable(where):
        rows = list(reader)
    names = dict(zip(spelled, header, strict=True))
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


@contextmanager
def _readable(where: str) -> Iterator[None]:
    try:
        yield
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f"{where} is no readable CSV ({error}); fetch the release's file again"
        ) from error


def _spelling(name: str) -> str:
    return name.strip().lower().replace("_", " ")


def _component(path: str, index: int) -> str:
    """A component of `ID/StudyInstanceUID/SeriesInstanceUID/NAME.dcm`; '' where it is short."""
    parts = path.split("/")
    return parts[index].strip() if len(parts) == 4 else ""


def shorten(text: str, length: int) -> str:
    """Text to show: on one line, without control characters, cut where it is too long."""
    line = "".join(each if each.isprintable() else "?" for each in text[: length + 1])
    return line if len(line) <= length else f"{line[:length]}.."


def distinct(lesions: Iterable[Lesion]) -> tuple[list[Lesion], list[dict[str, str]]]:
    """Returns lesions with unique ids, and the rows dropped as `{id, reason}`.

    A repeated row is left out; another lesion under a taken id gets `-2`, `-3` and so on. A row
    that contradicts itself, its file or another row is among the lesions with its `fault`: which
    of two rows is right cannot be known, so that neither is used.
    """
    kept: dict[str, Lesion] = {}
    seen: set[Lesion] = set()
    dropped = []
    # Sound rows first: no other may take a sound lesion's id.
    for lesion in sorted(_without_contradictions(lesions), key=lambda lesion: bool(lesion.fault)):
        if lesion in seen:
            dropped.append({"id": _shown(lesion), "reason": lesion.fault or TWICE})
            continue
        seen.add(lesion)
        name = _free_name(_shown(lesion), kept)
        kept[name] = replace(lesion, id=name)
        if lesion.fault:
            dropped.append({"id": name, "reason": lesion.fault})
    return list(kept.values()), dropped


def _without_contradictions(lesions: Iterable[Lesion]) -> list[Lesion]:
    """The same lesions, with the faults of their rows."""
    checked = [replace(lesion, fault=_fault(lesion)) for lesion in lesions]
    views_of: dict[str, set[str]] = {}
    lesions_of: dict[str, set[Lesion]] = {}
    for lesion in checked:
        if not lesion.fault:
            views_of.setdefault(lesion.image_uid, set()).add(lesion.view_id)
            for uid in lesion.mask_uids:
                lesions_of.setdefault(uid, set()).add(lesion)

    def contradicted(lesion: Lesion) -> bool:
        return len(views_of[lesion.image_uid]) > 1 or any(
            len(lesions_of[uid]) > 1 for uid in lesion.mask_uids
        )

    return [
        replace(lesion, fault=CLAIMED) if not lesion.fault and contradicted(lesion) else lesion
        for lesion in checked
    ]


def _fault(lesion: Lesion) -> str:
    """What is wrong with a row by itself: its paths begin with what its other cells say."""
    if not (lesion.id and lesion.view_id and lesion.image_uid):
        return "a path in its row is not ID/study/series/file.dcm"
    view_id = _view_by_cells(lesion)
    if lesion.view_id != view_id or not _is_of_view(lesion.id, view_id):
        return (
            f"its row disagrees with its paths: {shorten(view_id, SHOWN)} by its "
            f"cells and file, {shorten(lesion.view_id, SHOWN)} and {shorten(lesion.id, SHOWN)} by "
            "its paths"
        )
    return ""


def _view_by_cells(lesion: Lesion) -> str:
    kind = {name: stem for stem, name in TYPES.items()}[lesion.abnormality_type].title()
    part = {"train": "Training", "test": "Test"}[lesion.split]
    return f"{kind}-{part}_{lesion.patient_id}_{lesion.side}_{lesion.view}"


def _is_of_view(name: str, view_id: str) -> bool:
    """Whether a lesion's id is its view's and a number."""
    number = name.removeprefix(f"{view_id}_")
    return number != name and number.isascii() and number.isdigit()


def _shown(lesion: Lesion) -> str:
    """The lesion's id if its row has one that makes sense, else its view's."""
    view_id = _view_by_cells(lesion)
    # In the file of another type or split an id still ends in what the cells say.
    of_place = _is_of_view(lesion.id.partition("_")[2], view_id.partition("_")[2])
    of_view = of_place or _is_of_view(lesion.id, lesion.view_id)
    name = lesion.id if of_view or not _is_placed(lesion) else view_id
    return shorten(name or view_id, SHOWN)


def _free_name(name: str, taken: Container[str]) -> str:
    numbered = (f"{name}-{number}" for number in count(2))
    return next(free for free in chain([name], numbered) if free not in taken)


def _may_lie_in(faulty: Lesion, sound: Lesion) -> bool:
    """Whether a row with a fault may tell of the mammogram of a sound one.

    Its fault may be in its patient, side or view: then its paths tell the place. Where nothing
    does, all of its patient's mammograms may be meant.
    """
    by_paths = faulty.view_id == sound.view_id or _is_of_view(faulty.id, sound.view_id)
    return by_paths or (faulty.patient_id == sound.patient_id and not _is_placed(faulty))


def _is_placed(lesion: Lesion) -> bool:
    """Whether a row's cells name a side and a view."""
    return lesion.side in SIDES and lesion.view in PROJECTIONS


def views(lesions: Iterable[Lesion]) -> list[View]:
    """Groups lesions by mammogram (split and series), sorted by view id.

    A lesion of the same patient, side and view on another series is named in `others`, whatever
    its type or split; so is one whose row has a fault, as its series cannot be known.
    """
    by_series: dict[tuple[str, str], list[Lesion]] = {}
    by_place: dict[tuple[str, str, str], list[Lesion]] = {}
    faulty = []
    for lesion in lesions:
        if lesion.fault:
            faulty.append(lesion)
        else:
            by_series.setdefault((lesion.split, lesion.image_uid), []).append(lesion)
        by_place.setdefault((lesion.patient_id, lesion.side, lesion.view), []).append(lesion)
    grouped: dict[str, View] = {}
    for (split, uid), members in by_series.items():
        first = members[0]
        place = by_place[first.patient_id, first.side, first.view]
        stray = [x for x in faulty if x.image_uid == uid or _may_lie_in(x, first)]
        others = tuple(dict.fromkeys(x for x in (*place, *stray) if x not in members))
        name = _free_name(first.view_id, grouped)
        grouped[name] = View(name, split, uid, tuple(members), others)
    return [grouped[name] for name in sorted(grouped)]
