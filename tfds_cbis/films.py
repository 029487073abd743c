"""A mammogram with the masks of its lesions, as the cutting of patches needs it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from tfds_cbis.release.cases import Lesion, View
from tfds_cbis.release.files import Release
from tfds_cbis.release.images import Unusable, read_mammogram, read_mask


class Film(NamedTuple):
    """A mammogram and lesions in it.

    Attributes:
      image: [height, width], uint8 or, of a DICOM release, uint16.
      masks: by lesion id, uint8 [height, width], 0 or 255.
      unusable: by id of the lesions without a usable mask, why.
      notes: what had to be assumed to read the mammogram.
    """

    image: np.ndarray
    masks: dict[str, np.ndarray]
    unusable: dict[str, str]
    notes: Sequence[str] = ()

    def covered(self, *, but: str = "") -> np.ndarray:
        """Where its lesions lie, all or all but one: uint8 [height, width], 0 or 255."""
        union = np.zeros(self.image.shape, np.uint8)
        for name, mask in self.masks.items():
            if name != but:
                np.maximum(union, mask, out=union)
        return union


def read(release: Release, view: View, lesions: Iterable[Lesion]) -> Film:
    """Reads a view's mammogram and the masks of lesions in it.

    Raises:
      Unusable: the mammogram cannot be used; says why.
    """
    pixels, notes = read_mammogram(release, view)
    film = Film(pixels, {}, {}, notes)
    for lesion in lesions:
        try:
            film.masks[lesion.id] = read_mask(release, lesion, film.image)
        except Unusable as reason:
            film.unusable[lesion.id] = str(reason)
    return film
