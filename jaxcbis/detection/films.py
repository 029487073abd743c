"""The mammograms of a release that sweeps are scored on, and the lesions known in them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxcbis.data.patches import eight_bit
from jaxcbis.data.prepared import user_errors
from tfds_cbis.release.cases import WITHOUT_CALLBACK, View, views
from tfds_cbis.release.files import Release
from tfds_cbis.release.images import Unusable, read_mammogram, read_mask

__all__ = ["Film", "Unusable", "read", "with_targets"]


class Film(NamedTuple):
    """A mammogram and its known lesions.

    Attributes:
      pixels: uint8 [height, width].
      masks: of its target lesions, each [height, width], not 0 inside.
      ignored: masks of its lesions without callback, in which a mark counts neither way.
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


def read(release: Release, view: View) -> Film:
    """Reads one of them.

    Raises:
      Unusable: an image or a mask cannot be read; says why.
    """
    image, notes = read_mammogram(release, view)
    pixels = eight_bit(image)

    def masks(lesions):
        return [read_mask(release, lesion, pixels) for lesion in lesions]

    uncalled = [x for x in (*view.lesions, *view.others) if x.pathology == WITHOUT_CALLBACK]
    return Film(pixels, masks(view.targets), masks(uncalled), notes)
