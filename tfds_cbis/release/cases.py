"""The lesions of CBIS-DDSM, and the mammograms they lie in."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from itertools import chain, count

SPLITS = ("train", "test")
TYPES = {"mass": "mass", "calc": "calcification"}
CSV_NAMES = {
    (stem, split): f"{stem}_case_description_{split}_set.csv" for stem in TYPES for split in SPLITS
}
SIDES = ("LEFT", "RIGHT")
PROJECTIONS = ("CC", "MLO")
TARGETS = ("BENIGN", "MALIGNANT")
WITHOUT_CALLBACK = "BENIGN_WITHOUT_CALLBACK"


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

    @property
    def is_placed(self) -> bool:
        """Whether the row's cells name a side and a view."""
        return self.side in SIDES and self.view in PROJECTIONS


@dataclass(frozen=True)
class View:
    """One mammogram and every known lesion in it.

    Attributes:
      lesions: the lesions annotated on this very series.
      others: lesions of the same patient, side and view annotated on another series: the mass and
        the calcification files hold some mammograms twice.
    """

    id: str
    split: str
    image_uid: str
    lesions: tuple[Lesion, ...]
    others: tuple[Lesion, ...] = ()

    @property
    def targets(self) -> tuple[Lesion, ...]:
        """The lesions that belong to one of the four lesion classes."""
        return tuple(lesion for lesion in self.lesions if lesion.is_target)

    @property
    def without_callback(self) -> bool:
        """Whether the paper draws background patches from this mammogram."""
        return any(lesion.pathology == WITHOUT_CALLBACK for lesion in self.lesions)


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
        name = free_name(first.view_id, grouped)
        grouped[name] = View(name, split, uid, tuple(members), others)
    return [grouped[name] for name in sorted(grouped)]


def _may_lie_in(faulty: Lesion, sound: Lesion) -> bool:
    """Whether a row with a fault may tell of the mammogram of a sound one.

    Its fault may be in its patient, side or view: then its paths tell the place. Where nothing
    does, all of its patient's mammograms may be meant.
    """
    by_paths = faulty.view_id == sound.view_id or is_of_view(faulty.id, sound.view_id)
    return by_paths or (faulty.patient_id == sound.patient_id and not faulty.is_placed)


def is_of_view(lesion_id: str, view_id: str) -> bool:
    """Whether a lesion's id is its view's and a number."""
    number = lesion_id.removeprefix(f"{view_id}_")
    return number != lesion_id and number.isascii() and number.isdigit()


def free_name(name: str, taken: Container[str]) -> str:
    """The name or, if it is taken, the first free one of NAME-2, NAME-3 and so on."""
    numbered = (f"{name}-{number}" for number in count(2))
    return next(free for free in chain([name], numbered) if free not in taken)
