"""The mammograms of a release that sweeps are scored on, and the lesions known in them."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxcbis.data.patches import eight_bit
from jaxcbis.data.prepared import user_errors
from jaxcbis.labels import SUFFIXES
from tfds_cbis.release.cases import Lesion, View, views
from tfds_cbis.release.files import Release
from tfds_cbis.release.images import Unusable, read_mammogram, read_mask

__all__ = ["Film", "Unusable", "kinds", "read", "targets", "with_targets"]


class Film(NamedTuple):
    """A mammogram and its known lesions.

    Attributes:
      pixels: uint8 [height, width].
      masks: of its target lesions, each [height, width], not 0 inside.
      ignored: masks of every other lesion known in it, in which a mark counts neither way.
      notes: what had to be assumed to read it.
    """

    pixels: np.ndarray
    masks: list[np.ndarray]
    ignored: list[np.ndarray]
    notes: Sequence[str] = ()


@contextmanager
def with_targets(data: Path) -> Iterator[tuple[Release, list[View]]]:
    """The release, open within it, and its test mammograms with a target lesion.

    Raises:
      UserError: the release cannot be used.
    """
    with user_errors(), Release(data) as release:
        lesions, _ = release.lesions()
        yield release, [view for view in views(lesions) if view.split == "test" and view.targets]


def kinds(results: dict) -> frozenset[str]:
    """The types of lesions, as of `Lesion.abnormality_type`, of which a run has seen a patch.

    Args:
      results: content of results.json.
    """
    counts = results["data"]["splits"]["train"]["per_class"]
    seen = [label for label, count in counts.items() if count]
    return frozenset(
        kind for kind, suffix in SUFFIXES.items() if any(label.endswith(suffix) for label in seen)
    )


def targets(view: View, kinds: Collection[str]) -> list[Lesion]:
    """The lesions of a view that a sweep is to find: those of these kinds on its own series."""
    return [lesion for lesion in view.targets if lesion.abnormality_type in kinds]


def read(release: Release, view: View, kinds: Collection[str]) -> Film:
    """Reads one of them.

    The mass and the calcification files hold some mammograms twice. What the other series knows is
    there, but not to be found on this one, where it would count a second time. Neither are lesions
    without callback and of other kinds.

    Args:
      release: where the files are.
      view: which one.
      kinds: of lesions that are to be found.

    Raises:
      Unusable: an image or a mask cannot be read, so that marks could not be judged; says why.
    """
    image, notes = read_mammogram(release, view)
    pixels = eight_bit(image)
    wanted = targets(view, kinds)
    masks = [read_mask(release, lesion, pixels) for lesion in wanted]
    ignored = []
    for lesion in (*view.lesions, *view.others):
        if lesion not in wanted:
            try:
                ignored.append(read_mask(release, lesion, pixels))
            except Unusable as reason:
                raise Unusable(f"where {lesion.id} lies in it is not known: {reason}") from reason
    return Film(pixels, masks, ignored, notes)
