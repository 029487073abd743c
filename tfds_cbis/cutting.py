"""Jobs to patches: what each mammogram gives, and what had to be dropped."""

import functools
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np

from tfds_cbis import background, films, windows
from tfds_cbis.labels import BACKGROUND, LABELS, SUFFIXES
from tfds_cbis.planning import Dropped, Job, no_lesion
from tfds_cbis.protocols import Protocol
from tfds_cbis.release.boxes import Box
from tfds_cbis.release.cases import WITHOUT_CALLBACK, Lesion, View
from tfds_cbis.release.depth import eight_bit
from tfds_cbis.release.files import Release
from tfds_cbis.release.images import Unusable
from tfds_cbis.threads import Mapper, in_parallel

#: Values of the data set's features by name, images as PNG bytes.
Example = dict[str, Any]


class Cut(NamedTuple):
    """What a mammogram gave.

    Attributes:
      examples: its patches, lesions first.
      dropped: what was to be cut of it and could not be.
      short: the windows among the patches that fall short of the protocol, `{id, reason}`.
      assumed: what had to be assumed to read the mammogram, `{id, reason}`.
    """

    examples: list[Example]
    dropped: Dropped
    short: list[dict[str, str]]
    assumed: Sequence[dict[str, str]] = ()


def cut_split(
    release: Release,
    jobs: list[Job],
    protocol: Protocol,
    *,
    seed: str,
    mapper: Mapper = in_parallel,
) -> Iterator[Cut]:
    """Cuts the patches of a split.

    Args:
      release: where the files are.
      jobs: all of the split, one at least.
      protocol: how patches are cut.
      seed: the data set's version.
      mapper: how mammograms are shared out.

    Yields:
      Of each job in their order what `cut` returns.

    Raises:
      CbisError: in the end, if lesions were lost and none was cut.
    """
    lost: Dropped = []
    lesions = 0
    task = functools.partial(cut, release, protocol=protocol, seed=seed)
    for found in mapper(task, jobs):
        lost += found.dropped
        lesions += sum(example["label"] != BACKGROUND for example in found.examples)
        yield found
    if not lesions and lost:
        raise no_lesion(release, jobs[0].view.split, lost)


def cut(release: Release, job: Job, protocol: Protocol, *, seed: str) -> Cut:
    """Cuts all patches of one mammogram.

    Args:
      release: where the files are.
      job: the mammogram and what is wanted of it.
      protocol: how patches are cut.
      seed: the data set's version.
    """
    view = job.view
    names = _background_names(job)
    every = bool(names) or protocol.shares is not None
    try:
        film = films.read(release, view, view.lesions + view.others if every else view.targets)
    except Unusable as reason:
        missing = [lesion.id for lesion in view.targets] + names
        return Cut([], [{"id": name, "reason": str(reason)} for name in missing], [])

    found = Cut([], [], [], [{"id": view.id, "reason": note} for note in film.notes])
    for lesion in view.targets:
        _cut_lesion(found, film, lesion, job.windows, protocol, seed)

    boxes: list[Box | None] = [None] * len(names)
    if film.unusable:
        unplaced = list(film.unusable)[-1]
        lack = f"a lesion of the view has no usable mask to keep clear of: {unplaced}"
    else:
        lack = "no more place: breast, free of lesions, apart from the view's other crops"
        if names:
            areas = background.summed_areas(eight_bit(film.image), film.covered())
            boxes = _background_boxes(areas, job, protocol, seed)
    for name, wanted, box in zip(names, job.backgrounds, boxes, strict=True):
        if box is None:
            found.dropped.append({"id": name, "reason": lack})
        else:
            found.examples.append(_of_background(film.image, box, view, name, wanted.window))
    return found


# Six parameters: what is cut of, for which lesion, how.
def _cut_lesion(
    found: Cut, film: films.Film, lesion: Lesion, count: int, protocol: Protocol, seed: str
) -> None:
    """Adds the windows on a lesion to what was found, or why there is none."""
    try:
        if lesion.id in film.unusable:
            raise Unusable(film.unusable[lesion.id])
        boxes = windows.of_lesion(film, lesion.id, protocol, count=count, seed=seed)
    except Unusable as reason:
        found.dropped.append({"id": lesion.id, "reason": str(reason)})
        return
    for window in boxes:
        example = _of_lesion(film.image, film.masks[lesion.id], window, lesion)
        found.examples.append(example)
        if window.lack:
            found.short.append({"id": example["id"], "reason": window.lack})


def _background_names(job: Job) -> list[str]:
    """The ids of a job's background crops, counted for each number of window by itself."""
    return [
        windows.name(f"{job.view.id}_background_{k}", number)
        for number, same in itertools.groupby(job.backgrounds, lambda wanted: wanted.window)
        for k, _ in enumerate(same, 1)
    ]


def _background_boxes(
    areas: background.SummedAreas, job: Job, protocol: Protocol, seed: str
) -> list[Box | None]:
    """A place for each crop that is wanted of a mammogram; None where there is no more.

    Where the sizes were shared out by the room there is, every pixel is tried before giving up.
    """
    boxes: dict[int, list[Box | None]] = {}  # by number of window
    for wanted, same in itertools.groupby(job.backgrounds):
        count = len(list(same))
        taken = boxes.setdefault(wanted.window, [])
        found: list[Box] = []
        for steps in (background.STEPS, wanted.side)[: 2 if protocol.shares else 1]:
            found += background.places(
                areas, protocol, size=wanted.side, count=count - len(found),
                seed=f"{seed}/{windows.name(job.view.id, wanted.window)}",
                taken=[*filter(None, taken), *found], steps=steps,
            )  # fmt: skip
        taken += [*found, *[None] * (count - len(found))]
    return list(itertools.chain.from_iterable(boxes.values()))


def _of_lesion(
    image: np.ndarray, mask: np.ndarray, window: windows.Window, lesion: Lesion
) -> Example:
    label = LABELS.index(f"{lesion.pathology}_{SUFFIXES[lesion.abnormality_type]}")
    crop = {"image": window.box.crop(image), "mask": window.box.crop(mask)}
    name = windows.name(lesion.id, window.number)
    return _example(crop, window.box, lesion, name, label, window.number)


def _of_background(image: np.ndarray, box: Box, view: View, name: str, window: int) -> Example:
    """A background crop's pathology and type are its mammogram's."""
    source = next((x for x in view.lesions if x.pathology == WITHOUT_CALLBACK), view.lesions[0])
    crop = {
        "image": box.crop(image),
        "mask": np.zeros((box.y1 - box.y0, box.x1 - box.x0), np.uint8),
    }
    return _example(crop, box, source, name, BACKGROUND, window)


# Six parameters: what an example has that its lesion does not tell.
def _example(
    crop: dict[str, np.ndarray], box: Box, lesion: Lesion, name: str, label: int, window: int
) -> Example:
    return {
        **{key: cv2.imencode(".png", pixels)[1].tobytes() for key, pixels in crop.items()},
        "label": label,
        "id": name,
        "window": window,
        "patient_id": lesion.patient_id,
        "side": lesion.side,
        "view": lesion.view,
        "box": np.asarray(box, np.int32),
        "pathology": lesion.pathology,
        "abnormality_type": lesion.abnormality_type,
    }
