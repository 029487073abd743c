"""Rows that contradict themselves, their file or each other."""

from collections.abc import Iterable
from dataclasses import replace

from tfds_cbis.errors import shorten
from tfds_cbis.release.cases import TYPES, Lesion, free_name, is_of_view

#: Why rows are left out.
TWICE = "the same row appears twice"
CLAIMED = "another row with other cells gives the same series folder for its image or mask"
NO_PATH = "a path in its row is not ID/study/series/file.dcm"


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
    for lesion in sorted(_with_faults(lesions), key=lambda lesion: bool(lesion.fault)):
        if lesion in seen:
            dropped.append({"id": _shown(lesion), "reason": lesion.fault or TWICE})
            continue
        seen.add(lesion)
        name = free_name(_shown(lesion), kept)
        kept[name] = replace(lesion, id=name)
        if lesion.fault:
            dropped.append({"id": name, "reason": lesion.fault})
    return list(kept.values()), dropped


def _with_faults(lesions: Iterable[Lesion]) -> list[Lesion]:
    """The same lesions, with the faults of their rows."""
    checked = [replace(lesion, fault=_own_fault(lesion)) for lesion in lesions]
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


def _own_fault(lesion: Lesion) -> str:
    """What is wrong with a row by itself: its paths begin with what its other cells say."""
    if not (lesion.id and lesion.view_id and lesion.image_uid):
        return NO_PATH
    view_id = _view_by_cells(lesion)
    if lesion.view_id == view_id and is_of_view(lesion.id, view_id):
        return ""
    return (
        f"its row disagrees with its paths: {shorten(view_id)} by its cells and file, "
        f"{shorten(lesion.view_id)} and {shorten(lesion.id)} by its paths"
    )


def _view_by_cells(lesion: Lesion) -> str:
    kind = {name: stem for stem, name in TYPES.items()}[lesion.abnormality_type].title()
    part = {"train": "Training", "test": "Test"}[lesion.split]
    return f"{kind}-{part}_{lesion.patient_id}_{lesion.side}_{lesion.view}"


def _shown(lesion: Lesion) -> str:
    """The lesion's id if its row has one that makes sense, else its view's."""
    view_id = _view_by_cells(lesion)
    # In the file of another type or split an id still ends in what the cells say.
    of_place = is_of_view(lesion.id.partition("_")[2], view_id.partition("_")[2])
    of_view = of_place or is_of_view(lesion.id, lesion.view_id)
    name = lesion.id if of_view or not lesion.is_placed else view_id
    return shorten(name or view_id)
