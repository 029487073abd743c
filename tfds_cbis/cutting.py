"""Jobs to patches: what each mammogram gives, and what had to be dropped."""

import functools
import itertools
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from tfds_cbis import background
from tfds_cbis.labels import BACKGROUND, LABELS, SUFFIXES
from tfds_cbis.planning import Dropped, Job, no_lesion
from tfds_cbis.protocols import Protocol
from tfds_cbis.release.boxes import Box
from tfds_cbis.release.cases import WITHOUT_CALLBACK, Lesion, View
from tfds_cbis.release.dicom import eight_bit
from tfds_cbis.release.files import Release
from tfds_cbis.release.images import Unusable, read_mammogram, read_mask
from tfds_cbis.threads import Mapper, in_parallel

#: Values of the data set's features by name, images as PNG bytes.
Example = dict[str, Any]


def cut_split(
    release: Release,
    jobs: list[Job],
    protocol: Protocol,
    *,
    seed: str,
    mapper: Mapper = in_parallel,
) -> Iterator[tuple[list[Example], Dropped]]:
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
    for examples, dropped in mapper(task, jobs):
        lost += dropped
        lesions += sum(example["label"] != BACKGROUND for example in examples)
        yield examples, dropped
    if not lesions and lost:
        raise no_lesion(release, jobs[0].view.split, lost)


def cut(
    release: Release, job: Job, protocol: Protocol, *, seed: str
) -> tuple[list[Example], Dropped]:
    """Cuts all patches of one mammogram.

    Args:
      release: where the files are.
      job: the mammogram and the background crops wanted.
      protocol: how patches are cut.
      seed: the data set's version.

    Returns:
      The patches, lesions first, and what was dropped.
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
            examples.append(_of_lesion(image, mask, protocol.lesion_crop(mask), lesion))

    boxes: list[Box | None] = [None] * len(names)
    lack = f"a lesion of the view has no usable mask to keep clear of: {unplaced}"
    if names and not unplaced:
        areas = background.summed_areas(eight_bit(image), covered)
        boxes = _background_boxes(areas, job, protocol, seed)
        lack = "no more place: breast, free of lesions, apart from the view's other crops"
    for name, box in zip(names, boxes, strict=True):
        if box is None:
            dropped.append({"id": name, "reason": lack})
        else:
            examples.append(_of_background(image, box, view, name))
    return examples, dropped


def _background_boxes(
    areas: background.SummedAreas, job: Job, protocol: Protocol, seed: str
) -> list[Box | None]:
    """A place for each crop that is wanted of a mammogram; None where there is no more."""
    boxes: list[Box | None] = []
    for size, same in itertools.groupby(job.backgrounds):
        count = len(list(same))
        found = background.places(
            areas, protocol, size=size, count=count, seed=f"{seed}/{job.view.id}",
            taken=[box for box in boxes if box is not None],
        )  # fmt: skip
        boxes += [*found, *[None] * (count - len(found))]
    return boxes


def _of_lesion(image: np.ndarray, mask: np.ndarray, box: Box, lesion: Lesion) -> Example:
    label = LABELS.index(f"{lesion.pathology}_{SUFFIXES[lesion.abnormality_type]}")
    crop = {"image": box.crop(image), "mask": box.crop(mask)}
    return _example(crop, box, lesion, lesion.id, label)


def _of_background(image: np.ndarray, box: Box, view: View, name: str) -> Example:
    """A background crop's pathology and type are its mammogram's."""
    source = next((x for x in view.lesions if x.pathology == WITHOUT_CALLBACK), view.lesions[0])
    crop = {
        "image": box.crop(image),
        "mask": np.zeros((box.y1 - box.y0, box.x1 - box.x0), np.uint8),
    }
    return _example(crop, box, source, name, BACKGROUND)


def _example(
    crop: dict[str, np.ndarray], box: Box, lesion: Lesion, name: str, label: int
) -> Example:
    return {
        **{key: cv2.imencode(".png", pixels)[1].tobytes() for key, pixels in crop.items()},
        "label": label,
        "id": name,
        "patient_id": lesion.patient_id,
        "side": lesion.side,
        "view": lesion.view,
        "box": np.asarray(box, np.int32),
        "pathology": lesion.pathology,
        "abnormality_type": lesion.abnormality_type,
    }
