"""What a protocol cuts of a mammogram."""

from typing import NamedTuple

import numpy as np

from tfds_cbis.release.boxes import Box, lesion_box, square_around


class Protocol(NamedTuple):
    """How patches are cut.

    Attributes:
      description: one line.
      context: what a lesion's crop shows around its box, on each side, as a share of the box's
        sides; the crop is then a square. None cuts the tight box.
      matched: whether background comes from every mammogram of the split, in the sizes of the
        split's lesion crops. If not, it comes from the BENIGN_WITHOUT_CALLBACK ones, in one
        size.
      breast: least share of a background crop's pixels that must be breast.
      margin: least distance of a background crop to a lesion, as a share of the crop's side.
    """

    description: str
    context: float | None
    matched: bool
    breast: float
    margin: float

    def lesion_crop(self, mask: np.ndarray) -> Box:
        """What is cut of a mammogram for a lesion.

        Args:
          mask: the lesion's, uint8 [height, width], not 0 inside.
        """
        box = lesion_box(mask)
        if self.context is None:
            return box
        height, width = mask.shape
        return square_around(box, self.context, (height, width))


PROTOCOLS = {
    "paper": Protocol(
        "Tight bounding boxes; background from BENIGN_WITHOUT_CALLBACK views.",
        context=None, matched=False, breast=0.5, margin=0,
    ),
    "clean": Protocol(
        "Squares with context; background in the same sizes from the same views.",
        context=0.2, matched=True, breast=0.75, margin=0.1,
    ),
}  # fmt: skip
