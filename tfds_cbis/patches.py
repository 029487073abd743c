"""A release to patches: what each mammogram gives, and what had to be dropped."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import cv2
import numpy as np

from jaxcbis.labels import BACKGROUND, LABELS
from tfds_cbis import background
from tfds_cbis.cases import WITHOUT_CALLBACK, Lesion, View, views
from tfds_cbis.images import Unusable, read_mammogram, read_mask
from tfds_cbis.release import Release
from tfds_cbis.roi import Box, lesion_box

Dropped = list[dict[str, str]]

#: Each worker holds one mammogram and its masks: some 70 MB at full size, twice that where it
#: draws background.
MAX_WORKERS = 8


class Job(NamedTuple):
    """A mammogram and the number of background crops wanted of it."""

    view: View
    backgrounds: int


def plan(release: Release, lesions: list[Lesion], seed: str) -> tuple[list[Job], Dropped]:
    """Decides what every mammogram has to give.

    Backgrounds are in proportion to the split's lesions, as in the paper's Table I, and spread
    evenly over its BENIGN_WITHOUT_CALLBACK mammograms.

    Args:
        release: where the files are.
        lesions: all lesions of the release.
        seed: the data set's version.

    Returns:
        The jobs in the order of their view ids, and what can already be seen to be missing.
    """
    dropped = [
        {"id": lesion.id, "reason": f"unknown pathology {lesion.pathology!r}"}
        for lesion in lesions
        if not lesion.is_target and lesion.pathology != WITHOUT_CALLBACK
    ]
    jobs = []
    grouped = views(lesions)
    for split, per_lesion in background.PER_LESION.items():
        members = [view for view in grouped if view.split == split]
        targets = sum(bool(release.files(view.image_uid)) * len(view.targets) for view in members)
        wanted = round(targets * per_lesion)
        givers = [
            view.id for view in members if view.without_callback and release.files(view.image_uid)
        ]
        share = background.allotment(givers, wanted, seed)
        if not share:
            reason = f"no {WITHOUT_CALLBACK} mammogram in the {split} split to draw it from"
            dropped += [
                {"id": f"{split}_background_{k}", "reason": reason} for k in range(1, wanted + 1)
            ]
        jobs += [Job(view, share.get(view.id, 0)) for view in members]
    return [job for job in jobs if job.view.targets or job.backgrounds], dropped


def cut(
    release: Release, job: Job, *, background_size: int, seed: str
) -> tuple[list[dict[str, Any]], Dropped]:
    """Cuts all patches of one mammogram.

    Args:
        release: where the files are.
        job: the mammogram and the number of background crops wanted.
        background_size: side of a background crop in source pixels.
        seed: the data set's version.

    Returns:
        Examples as the TFDS builder yields them, images as PNG bytes, and what was dropped.
    """
    view = job.view
    names = [f"{view.id}_background_{k}" for k in range(1, job.backgrounds + 1)]
    try:
        image = read_mammogram(release, view)
    except Unusable as reason:
        missing = [lesion.id for lesion in view.targets] + names
        return [], [{"id": name, "reason": str(reason)} for name in missing]

    examples, dropped = [], []
    covered = np.zeros_like(image)
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
            examples.append(lesion_example(image, mask, lesion))

    boxes: list[Box] = []
    lack = "no more place: breast, free of lesions, apart from the view's other crops"
    if unplaced:
        lack = f"a lesion of the view has no usable mask to keep clear of: {unplaced}"
    else:
        boxes = background.places(
            image, covered, size=background_size, count=len(names), seed=seed, view_id=view.id
        )
    examples += [
        background_example(image, box, view, name) for name, box in zip(names, boxes, strict=False)
    ]
    dropped += [{"id": name, "reason": lack} for name in names[len(boxes) :]]
    return examples, dropped


def lesion_example(image: np.ndarray, mask: np.ndarray, lesion: Lesion) -> dict[str, Any]:
    """The example of one lesion: its tight box cut from the mammogram and from the mask."""
    box = lesion_box(mask)
    kind = {"mass": "Mass", "calcification": "Calc"}[lesion.abnormality_type]
    label = LABELS.index(f"{lesion.pathology}_{kind}")
    return _example(box.crop(image), box.crop(mask), box, lesion, lesion.id, label)


def background_example(image: np.ndarray, box: Box, view: View, name: str) -> dict[str, Any]:
    """The example of one background crop; its pathology and type are its mammogram's."""
    source = next(lesion for lesion in view.lesions if lesion.pathology == WITHOUT_CALLBACK)
    crop = box.crop(image)
    return _example(crop, np.zeros_like(crop), box, source, name, BACKGROUND)


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
