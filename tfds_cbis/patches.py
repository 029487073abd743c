"""A release to patches: what each mammogram gives, and what had to be dropped."""

import contextlib
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import cv2
import numpy as np

from jaxcbis.data.dicom import eight_bit
from jaxcbis.labels import BACKGROUND, LABELS, SUFFIXES
from tfds_cbis import background
from tfds_cbis.cases import SHOWN, TARGETS, WITHOUT_CALLBACK, Lesion, View, shorten, views
from tfds_cbis.images import Unusable, read_mammogram, read_mask
from tfds_cbis.protocols import Protocol
from tfds_cbis.release import Release
from tfds_cbis.roi import Box, lesion_box, square_around

Dropped = list[dict[str, str]]
#: Does a task for each item and yields what it returns, in order: `in_parallel`, or Beam's.
Mapper = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]

#: Each worker holds one mammogram and its masks: some 70 MB at full size, twice that where it
#: draws background.
MAX_WORKERS = 8


class Job(NamedTuple):
    """A mammogram and the sides in pixels of the background crops wanted of it."""

    view: View
    backgrounds: tuple[int, ...]


def plan(
    release: Release,
    lesions: list[Lesion],
    protocol: Protocol,
    *,
    background_size: int | None,
    seed: str,
    mapper: Mapper | None = None,
) -> tuple[list[Job], Dropped]:
    """Decides what every mammogram has to give.

    Backgrounds are in proportion to the split's lesions, as in the paper's Table I, and spread
    evenly over the mammograms that the protocol takes them from.

    Args:
        release: where the files are; a matching protocol reads every lesion's mask.
        lesions: all lesions of the release.
        protocol: how patches are cut.
        background_size: side of a background crop in source pixels, where it is not matched.
        seed: the data set's version.
        mapper: how mammograms are shared out; None is `in_parallel`.

    Returns:
        The jobs in the order of their view ids, and what can already be seen to be missing.
    """
    dropped = [
        {"id": lesion.id, "reason": f"unknown pathology {shorten(lesion.pathology, SHOWN)!r}"}
        for lesion in lesions
        if not lesion.fault and lesion.pathology not in (*TARGETS, WITHOUT_CALLBACK)
    ]
    jobs = []
    grouped = views(lesions)
    for split, per_lesion in background.PER_LESION.items():
        members = [view for view in grouped if view.split == split]
        present = [view for view in members if release.files(view.image_uid)]
        wanted = round(sum(len(view.targets) for view in present) * per_lesion)
        if protocol.matched:
            givers = present
            sides = _crop_sides(release, present, protocol, mapper or in_parallel)
            of_crop = background.sizes(sides, wanted, seed)
            lack = f"no lesion of the {split} split to take its size from"
        else:
            givers = [view for view in present if view.without_callback]
            of_crop = [background_size or 0] * wanted
            lack = f"no {WITHOUT_CALLBACK} mammogram in the {split} split to draw it from"
        share = background.allotment((view.id for view in givers), len(of_crop), seed)
        if not share or not of_crop:
            dropped += [
                {"id": f"{split}_background_{k}", "reason": lack} for k in range(1, wanted + 1)
            ]
        left = iter(of_crop)
        jobs += [
            Job(view, tuple(itertools.islice(left, share.get(view.id, 0)))) for view in members
        ]
    return [job for job in jobs if job.view.targets or job.backgrounds], dropped


def _crop_sides(
    release: Release, members: list[View], protocol: Protocol, mapper: Mapper
) -> list[int]:
    """Sides in pixels of the crops of all lesions that can be cut."""

    def measure(view: View) -> list[int]:
        try:
            shape = read_mammogram(release, view).shape
        except Unusable:
            return []
        sides = []
        for lesion in view.targets:
            with contextlib.suppress(Unusable):
                box = _crop_box(read_mask(release, lesion, shape), protocol)
                sides.append(box.x1 - box.x0)
        return sides

    return list(itertools.chain.from_iterable(mapper(measure, members)))


def _crop_box(mask: np.ndarray, protocol: Protocol) -> Box:
    box = lesion_box(mask)
    if protocol.context is None:
        return box
    height, width = mask.shape
    return square_around(box, protocol.context, (height, width))


def cut(
    release: Release, job: Job, protocol: Protocol, *, seed: str
) -> tuple[list[dict[str, Any]], Dropped]:
    """Cuts all patches of one mammogram.

    Args:
        release: where the files are.
        job: the mammogram and the background crops wanted.
        protocol: how patches are cut.
        seed: the data set's version.

    Returns:
        Examples as the TFDS builder yields them, images as PNG bytes, and what was dropped.
    """
    view = job.view
    names = [f"{view.id}_background_{k}" for k in range(1, len(job.backgrounds) + 1)]
    try:
        image = read_mammogram(release, view)
    except Unusable as reason:
        missing = [lesion.id for lesion in view.targets] + names
        return [], [{"id": name, "reason": str(reason)} for name in missing]

    examples, dropped = [], []
    covered = np.zeros(image.shape, np.uint8)
    unplaced = ""
    for lesion in (view.lesions + view.others) if names else view.targets:
        try:
            mask = read_mask(release, lesion, image.shape)
        except Unusable as reason:
            unplaced = lesion.id
            if lesion in view.targets:
                dropped.append({"id": lesion.id, "reason": str(reason)})
            continue
        np.maximum(covered, mask, out=covered)
        if lesion in view.targets:
            examples.append(lesion_example(image, mask, _crop_box(mask, protocol), lesion))

    lack = "no more place: breast, free of lesions, apart from the view's other crops"
    if unplaced:
        lack = f"a lesion of the view has no usable mask to keep clear of: {unplaced}"
    boxes: list[Box] = []
    shown = eight_bit(image)
    named = iter(names)
    for size, same in itertools.groupby(job.backgrounds):
        of_size = list(itertools.islice(named, len(list(same))))
        found = [] if unplaced else background.places(
            shown, covered, size=size, count=len(of_size), seed=seed, view_id=view.id,
            breast=protocol.breast, margin=protocol.margin, taken=boxes,
        )  # fmt: skip
        boxes += found
        examples += [
            background_example(image, box, view, name)
            for name, box in zip(of_size, found, strict=False)
        ]
        dropped += [{"id": name, "reason": lack} for name in of_size[len(found) :]]
    return examples, dropped


def lesion_example(image: np.ndarray, mask: np.ndarray, box: Box, lesion: Lesion) -> dict[str, Any]:
    """The example of one lesion: a box cut from the mammogram and from the lesion's mask."""
    label = LABELS.index(f"{lesion.pathology}_{SUFFIXES[lesion.abnormality_type]}")
    return _example(box.crop(image), box.crop(mask), box, lesion, lesion.id, label)


def background_example(image: np.ndarray, box: Box, view: View, name: str) -> dict[str, Any]:
    """The example of one background crop; its pathology and type are its mammogram's."""
    source = next(
        (lesion for lesion in view.lesions if lesion.pathology == WITHOUT_CALLBACK), view.lesions[0]
    )
    crop = box.crop(image)
    return _example(crop, np.zeros(crop.shape, np.uint8), box, source, name, BACKGROUND)


def _example(
    crop: np.ndarray, mask: np.ndarray, box: Box, lesion: Lesion, name: str, label: int
) -> dict[str, Any]:
    return {
        "image": _png(crop),
        "mask": _png(mask),
        "label": label,
        "id": name,
        "patient_id": lesion.patient_id,
        "side": lesion.side,
        "view": lesion.view,
        "box": np.asarray(box, np.int32),
        "pathology": lesion.pathology,
        "abnormality_type": lesion.abnormality_type,
    }


def _png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()


def in_parallel(task: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    """Maps in threads on all cores (OpenCV releases the GIL), in order, few items at a time."""
    workers = min(os.cpu_count() or 1, MAX_WORKERS)
    with ThreadPoolExecutor(workers) as pool:
        running: deque[Future] = deque()
        for item in items:
            running.append(pool.submit(task, item))
            if len(running) > workers:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
