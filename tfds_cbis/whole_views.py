"""Whole mammograms of a release with the lesions known in them: what there is, and making it."""

import functools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import cv2
import numpy as np

from tfds_cbis import films
from tfds_cbis.cutting import Cut, Example
from tfds_cbis.errors import CbisError, shorten
from tfds_cbis.films import Film
from tfds_cbis.planning import Dropped
from tfds_cbis.release.cases import SPLITS, TARGETS, WITHOUT_CALLBACK, Lesion, View, views
from tfds_cbis.release.files import Release
from tfds_cbis.release.images import Unusable
from tfds_cbis.threads import Mapper, in_parallel
from tfds_cbis.view_cut import ViewCut, cut

#: The two classes of a view, in the order of their numbers.
LABELS = ("BENIGN", "MALIGNANT")
#: Height and width in pixels, as in the literature (Shen et al. 2019).
SIZE = (1152, 896)
#: Bounds of both. Networks reduce by 32, so that each cell of their last stage covers whole pixels;
#: films of the release have some 5000 rows.
SMALLEST, LARGEST, STEP = 64, 4096, 32
#: A lesion that lies outside what was taken for the breast with more than this share is told of.
OUTSIDE = 0.5


class Job(NamedTuple):
    """One mammogram: a patient, side and projection of a split.

    Attributes:
      view: the one whose series is read and whose id it has.
      again: the same mammogram under another series, in case that cannot be read: the mass and the
        calcification files hold some twice.
      lesions: all that are known in it.
    """

    view: View
    again: tuple[View, ...]
    lesions: tuple[Lesion, ...]

    @property
    def malignant(self) -> tuple[Lesion, ...]:
        """Those that are known to be malignant."""
        return tuple(x for x in self.lesions if not x.fault and x.pathology == "MALIGNANT")


def fault_of_size(height: int, width: int) -> str:
    """What is wrong with a size in words; '' if nothing is."""
    for name, value in (("height", height), ("width", width)):
        if not SMALLEST <= value <= LARGEST or value % STEP:
            return f"{name} {value}: expected {SMALLEST} to {LARGEST}, a multiple of {STEP}"
    return ""


def plan(lesions: list[Lesion]) -> tuple[list[Job], Dropped]:
    """Decides which mammograms there are.

    Without callback is not malignant. Where it hangs on a row with a fault or an unknown pathology
    whether a mammogram is malignant, it is dropped.

    Args:
      lesions: of a release.

    Returns:
      The jobs by split and in the order of their ids, and what can already be seen to be missing.
    """
    grouped: dict[tuple[str, str, str, str], list[View]] = {}
    for view in views(lesions):
        first = view.lesions[0]
        place = (view.split, first.patient_id, first.side, first.view)
        grouped.setdefault(place, []).append(view)
    jobs, dropped = [], []
    for same in grouped.values():
        known = (lesion for view in same for lesion in view.lesions + view.others)
        job = Job(same[0], tuple(same[1:]), tuple(dict.fromkeys(known)))
        unknown = next(filter(None, map(_doubt, job.lesions)), "")
        if unknown and not job.malignant:
            reason = f"whether it is malignant is not known: {unknown}"
            dropped.append({"id": job.view.id, "reason": reason})
        else:
            jobs.append(job)
    return sorted(jobs, key=lambda job: (SPLITS.index(job.view.split), job.view.id)), dropped


def _doubt(lesion: Lesion) -> str:
    """Why the pathology of a lesion is not known; '' if it is."""
    if lesion.fault:
        return f"{lesion.id}: {lesion.fault}"
    if lesion.pathology not in (*TARGETS, WITHOUT_CALLBACK):
        return f"{lesion.id}: unknown pathology {shorten(lesion.pathology)!r}"
    return ""


def require_some(release: Release, jobs: list[Job], dropped: Dropped) -> None:
    """Checks that there is a mammogram.

    Raises:
      CbisError: there is none.
    """
    if not jobs:
        first = f": {dropped[0]['id']}: {dropped[0]['reason']}" if dropped else ""
        raise CbisError(
            f"{release.path} holds no mammogram of which it is known whether it is malignant"
            f"{first}; check that the release is complete"
        )


def make_split(
    release: Release, jobs: list[Job], height: int, width: int, *, mapper: Mapper = in_parallel
) -> Iterator[Cut]:
    """Makes the examples of a split.

    Args:
      release: where the files are.
      jobs: all of the split, one at least.
      height, width: in pixels.
      mapper: how mammograms are shared out.

    Yields:
      Of each job in their order what `make` returns.

    Raises:
      CbisError: in the end, if none could be read.
    """
    lost: Dropped = []
    for found in mapper(functools.partial(make, release, height=height, width=width), jobs):
        lost += found.dropped
        yield found
    if len(lost) == len(jobs):
        raise CbisError(
            f"no mammogram of the {jobs[0].view.split} split in {release.path} could be read; the "
            f"first of {len(lost)} reasons: {lost[0]['id']}: {lost[0]['reason']}; check that the "
            "release is complete"
        )


def make(release: Release, job: Job, *, height: int, width: int) -> Cut:
    """Makes the example of one mammogram.

    A mask that cannot be read does not drop it: whether it is malignant is known all the same.

    Args:
      release: where the files are.
      job: the mammogram.
      height, width: in pixels.

    Returns:
      The example, or why it is dropped, and what had to be assumed.
    """
    name = job.view.id
    reasons: list[str] = []
    for view in (job.view, *job.again):
        try:
            film = films.read(release, view, job.lesions)
            break
        except Unusable as reason:
            reasons.append(str(reason))
    else:
        return Cut([], [{"id": name, "reason": reasons[0]}], [])
    found = cut(film.image, height, width)
    notes = [*film.notes]
    if reasons:
        notes.append(f"read from its other series, {view.id}, as of its own: {reasons[0]}")
    if found.note:
        notes.append(f"the whole film is taken: {found.note}")
    notes += [f"where {lesion} lies is not known: {why}" for lesion, why in film.unusable.items()]
    for lesion, mask in film.masks.items():
        inside = np.count_nonzero(cv2.copyTo(mask, found.breast)) / np.count_nonzero(mask)
        if inside < 1 - OUTSIDE:
            notes.append(f"{lesion} lies outside what was taken for the breast")
    assumed = [{"id": name, "reason": note} for note in notes]
    return Cut([_example(job, film, found)], [], [], assumed)


def _example(job: Job, film: Film, found: ViewCut) -> Example:
    first = job.view.lesions[0]
    malignant = {lesion.id for lesion in job.malignant}
    masks = {name: found.mask(mask) for name, mask in film.masks.items()}
    pictures = {
        "image": found.image,
        "mask": _union(masks.values(), found.image.shape),
        "malignant_mask": _union(
            (mask for name, mask in masks.items() if name in malignant), found.image.shape
        ),
    }
    return {
        **{key: cv2.imencode(".png", pixels)[1].tobytes() for key, pixels in pictures.items()},
        "label": int(bool(malignant)),
        "id": job.view.id,
        "patient_id": first.patient_id,
        "side": first.side,
        "view": first.view,
        "box": np.asarray(found.box, np.int32),
        "flipped": found.flipped,
        "masked": not film.unusable,
    }


def _union(masks: Iterable[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    union = np.zeros(shape, np.uint8)
    for mask in masks:
        np.maximum(union, mask, out=union)
    return union
