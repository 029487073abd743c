"""A release to jobs: what every mammogram has to give."""

import contextlib
import functools
import itertools
from collections.abc import Iterator
from typing import NamedTuple

from tfds_cbis import background, films, windows
from tfds_cbis.errors import CbisError, shorten
from tfds_cbis.protocols import Protocol
from tfds_cbis.release.cases import SPLITS, TARGETS, WITHOUT_CALLBACK, Lesion, View, views
from tfds_cbis.release.depth import eight_bit
from tfds_cbis.release.files import Release
from tfds_cbis.release.images import Unusable
from tfds_cbis.threads import Mapper, in_parallel

#: What a release holds and the data set does not: `{id, reason}`.
Dropped = list[dict[str, str]]


class Background(NamedTuple):
    """A background crop that is wanted of a mammogram.

    Attributes:
      side: in pixels.
      window: with the lesions' windows of which number it goes; 1 where each has but one.
    """

    side: int
    window: int = 1


class Job(NamedTuple):
    """A mammogram and what is wanted of it.

    Attributes:
      view: the mammogram.
      windows: how many there are on each of its lesions, where they are drawn.
      backgrounds: its background crops, those of one window together.
    """

    view: View
    windows: int
    backgrounds: tuple[Background, ...]


class _Measured(NamedTuple):
    """What a mammogram could give, by number of window.

    Attributes:
      sides: of its lesions' crops in pixels.
      room: the largest side that a background crop may have.
    """

    sides: list[list[int]]
    room: list[int]


def plan(
    release: Release,
    protocol: Protocol,
    *,
    background_size: int | None,
    seed: str,
    count: int = 1,
    mapper: Mapper = in_parallel,
) -> tuple[list[Job], Dropped]:
    """Decides what every mammogram has to give.

    Backgrounds are in proportion to the split's lesions, and spread evenly over the mammograms that
    the protocol takes them from. Where there are several windows per lesion, each of their numbers
    has its own backgrounds, the same ones whatever the count.

    Args:
      release: where the files are; a matching protocol reads every lesion's mask.
      protocol: how patches are cut.
      background_size: side of a background crop in source pixels, where it is not matched.
      seed: the data set's version.
      count: windows on each lesion of the train split, where they are drawn; one in the test split.
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
    for split in SPLITS:
        members = [view for view in grouped if view.split == split]
        present = [view for view in members if release.files(view.image_uid)]
        of_each = count if split == "train" else 1
        measured: list[_Measured] = []
        if protocol.matched:
            task = functools.partial(_measure, release, protocol=protocol, count=of_each, seed=seed)
            measured = list(mapper(task, present))
        if protocol.shares:
            given, lost = _in_windows(split, present, measured, protocol, seed)
        else:
            sides = [side for each in measured for side in each.sides[0]]
            given, lost = _evenly(split, present, protocol, background_size, sides, seed)
        dropped += lost
        jobs += [Job(view, of_each, tuple(given.get(view.id, ()))) for view in members]
    return [job for job in jobs if job.view.targets or job.backgrounds], dropped


#: Background crops by view id.
_Given = dict[str, list[Background]]


# Six parameters and more would be those of `plan`, of which it is a part.
def _evenly(
    split: str,
    present: list[View],
    protocol: Protocol,
    background_size: int | None,
    lesion_sides: list[int],
    seed: str,
) -> tuple[_Given, Dropped]:
    """Shares crops out by their number alone."""
    wanted = round(sum(len(view.targets) for view in present) * protocol.per_lesion[split])
    if protocol.matched:
        givers = present
        sides = background.sizes(lesion_sides, wanted, seed)
        lack = f"no lesion of the {split} split to take its size from"
    else:
        givers = [view for view in present if view.without_callback]
        sides = [background_size or 0] * wanted
        lack = f"no {WITHOUT_CALLBACK} mammogram in the {split} split to draw it from"
    share = background.allotment((view.id for view in givers), len(sides), seed)
    if not share or not sides:
        return {}, [{"id": f"{split}_background_{k}", "reason": lack} for k in range(1, wanted + 1)]
    left = iter(sides)
    return {
        view.id: [Background(side) for side in itertools.islice(left, share.get(view.id, 0))]
        for view in present
    }, []


def _in_windows(
    split: str, present: list[View], measured: list[_Measured], protocol: Protocol, seed: str
) -> tuple[_Given, Dropped]:
    """Shares crops out to where they fit, for each number of window by itself."""
    given: _Given = {view.id: [] for view in present}
    dropped: Dropped = []
    for number, (sides, room) in enumerate(_by_number(measured), 1):
        own = f"{seed}/{split}/{number}"
        wanted = background.sizes(sides, round(len(sides) * protocol.per_lesion[split]), own)
        fitting = dict(zip(given, room, strict=True))
        share, left = background.shared_out(wanted, fitting, own)
        for view_id, taken in share.items():
            given[view_id] += [Background(side, number) for side in taken]
        dropped += [
            {
                "id": windows.name(f"{split}_background_{k}", number),
                "reason": "no mammogram of the split has room for a background of its size",
            }
            for k, _ in enumerate(left, 1)
        ]
    return given, dropped


def _by_number(measured: list[_Measured]) -> Iterator[tuple[list[int], list[int]]]:
    """By number of window the sides of all lesions' crops, and the room of each view."""
    columns = zip(*(zip(each.sides, each.room, strict=True) for each in measured), strict=True)
    for column in columns:
        yield [side for sides, _ in column for side in sides], [room for _, room in column]


def _measure(
    release: Release, view: View, *, protocol: Protocol, count: int, seed: str
) -> _Measured:
    """What a mammogram could give under a protocol that takes backgrounds' sizes from lesions."""
    measured = _Measured([[] for _ in range(count)], [0] * count)
    drawn = protocol.shares is not None
    try:
        film = films.read(release, view, view.lesions + view.others if drawn else view.targets)
    except Unusable:
        return measured
    for lesion in view.targets:
        if lesion.id not in film.masks:
            continue
        with contextlib.suppress(Unusable):
            found = windows.of_lesion(film, lesion.id, protocol, count=count, seed=seed)
            for window in found:
                measured.sides[window.number - 1].append(window.box.x1 - window.box.x0)
    if drawn and not film.unusable:
        areas = background.summed_areas(eight_bit(film.image), film.covered())
        for number in range(1, count + 1):
            own = f"{seed}/{windows.name(view.id, number)}"
            measured.room[number - 1] = background.room(areas, protocol, own)
    return measured


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
