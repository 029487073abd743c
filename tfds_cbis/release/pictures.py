"""Picture files to grey pixels, as training, sweeps and a single answer need them alike."""

from functools import partial

import numpy as np

from tfds_cbis.release import channels, decoding, depth, dicom
from tfds_cbis.release.decoding import KINDS, Decoded
from tfds_cbis.release.depth import Picture
from tfds_cbis.release.heard import heard

__all__ = ["KINDS", "read"]


def read(data: bytes) -> Picture:
    """Reads a picture of one of `KINDS`.

    More than 8 bit are stretched to 16: of DICOM by its own elements, of other files from the range
    that the format tells, or else from `depth.assumed_range`.

    Raises:
      ValueError: with one line, if it is damaged, of another kind, in colour, transparent or of
        several pages.
      CbisError: it is a DICOM file and pydicom is not installed.
    """
    if dicom.is_dicom(data):
        return dicom.read(data)
    with heard() as warned:
        found = decoding.decode(data)
        pixels, notes = _stretched(found)
    grey = pixels if pixels.ndim == 2 else channels.grey(pixels)
    return Picture(grey, [*found.notes, *notes, *warned])


def _stretched(found: Decoded) -> Picture:
    """Values of 8 bit as they are, others in the range that they have."""
    if found.values.dtype == np.uint8:
        return Picture(found.values, [])
    lowest, highest, notes = (
        depth.assumed_range(found.values) if found.highest is None else (0, found.highest, [])
    )
    curve = partial(depth.stretched, lowest=lowest, highest=highest)
    pixels = depth.mapped(found.values, curve)
    return Picture(~pixels if found.inverted else pixels, notes)
