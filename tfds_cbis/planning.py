"""A release to jobs: what every mammogram has to give."""

import contextlib
import itertools
from typing import NamedTuple

from tfds_cbis import background
from tfds_cbis.errors import CbisError, shorten
from tfds_cbis.protocols import Protocol
from tfds_cbis.release.cases import SPLITS, TARGETS, WITHOUT_CALLBACK, Lesion, View, views
from tfds_cbis.release.files import Release
from tfds_cbis.release.images import Unusable, read_mammogram, read_mask
from tfds_cbis.threads import Mapper, in_parallel

#: What a release holds and the data set does not: `{id, reason}`.
Dropped = list[dict[str, str]]


class Job(NamedTuple):
    """A mammogram and the sides in pixels of the background crops wanted of it."""

    view: View
    backgrounds: tuple[int, ...]


def plan(
    release: Release,
    protocol: Protocol,
    *,
    background_size: int | None,
    seed: str,
    mapper: Mapper = in_parallel,
) -> tuple[list[Job], Dropped]:
    """Decides what every mammogram has to give.

    Backgrounds are in proportion to the split's lesions, as in the paper's Table I, and spread
    evenly over the mammograms that the protocol takes them from.

    Args:
      release: where the files are; a matching protocol reads every lesion's mask.
      protocol: how patches are cut.
      background_size: side of a background crop in source pixels, where it is not matched.
      seed: the data set's version.
      mapper: how mammograms are shared out.

    Returns:
      The jobs by split and in the order of their view ids, and what can already be seen to be
      missing.

    Raises:
      CbisError: if the tables cannot be read, or of a split that has rows of lesions none can be
        used.
    """
    lesions, dropped = release.lesions()
    dropped += [
        {"id": lesion.id, "reason": f"unknown pathology {shorten(lesion.pathology)!r}"}
        for lesion in lesions
        if not lesion.fault and lesion.pathology not in (*TARGETS, WITHOUT_CALLBACK)
    ]
    _require_lesions(release, lesions, dropped)
    jobs: list[Job] = []
    grouped = views(lesions)
    for split, per_lesion in background.PER_LESION.items():
        members = [view for view in grouped if view.split == split]
        present = [view for view in members if release.files(view.image_uid)]
        wanted = round(sum(len(view.targets) for view in present) * per_lesion)
        if protocol.matched:
            givers = present
            sides = background.sizes(_crop_sides(release, present, protocol, mapper), wanted, seed)
            lack = f"no lesion of the {split} split to take its size from"
        else:
            givers = [view for view in present if view.without_callback]
            sides = [background_size or 0] * wanted
            lack = f"no {WITHOUT_CALLBACK} mammogram in the {split} split to draw it from"
        share = background.allotment((view.id for view in givers), len(sides), seed)
        if not share or not sides:
            dropped += [
                {"id": f"{split}_background_{k}", "reason": lack} for k in range(1, wanted + 1)
            ]
        left = iter(sides)
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
                box = protocol.lesion_crop(read_mask(release, lesion, shape))
                sides.append(box.x1 - box.x0)
        return sides

    return list(itertools.chain.from_iterable(mapper(measure, members)))


def _require_lesions(release: Release, lesions: list[Lesion], dropped: Dropped) -> None:
    """Checks that of every split that has rows of lesions, one at least can be used."""
    for split in SPLITS:
        rows = [x for x in lesions if x.split == split and x.pathology != WITHOUT_CALLBACK]
        if rows and not any(lesion.is_target for lesion in rows):
            names = {lesion.id for lesion in rows}
            raise no_lesion(release, split, [entry for entry in dropped if entry["id"] in names])
    if not any(lesion.is_target for lesion in lesions):
        raise CbisError(
            f"{release.path} holds no lesion that is {' or '.join(TARGETS)}; check that the "
            "release is complete"
        )


def no_lesion(release: Release, split: str, lost: Dropped) -> CbisError:
    """What to raise where a split that has rows of lesions gives none."""
    return CbisError(
        f"no lesion of the {split} split in {release.path} could be cut; the first of {len(lost)} "
        f"reasons: {lost[0]['id']}: {lost[0]['reason']}; check that the release is complete"
    )
