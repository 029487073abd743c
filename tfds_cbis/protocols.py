"""What a protocol cuts of a mammogram."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from tfds_cbis.release.boxes import Box, lesion_box, square_around

#: Background crops per lesion in the paper's Table I.
TABLE_I = MappingProxyType({"train": 644 / 1886, "test": 310 / 547})


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
      shares: the least and the largest share that a lesion's longer side takes of its window's
        side, where the window is drawn at random around the lesion; see `windows`. None where it
        is not.
      per_lesion: background crops by split for each of its lesion crops.
    """

    description: str
    context: float | None
    matched: bool
    breast: float
    margin: float
    shares: tuple[float, float] | None = None
    per_lesion: Mapping[str, float] = TABLE_I

    def lesion_crop(self, mask: np.ndarray) -> Box:
        """What is cut of a mammogram for a lesion, where nothing is drawn at random.

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
    "shifted": Protocol(
        "Squares, the lesion anywhere inside; background in the same sizes from the same views.",
        context=None, matched=True, breast=0.75, margin=0.1, shares=(0.25, 0.75),
        per_lesion=MappingProxyType({"train": 0.5, "test": 0.5}),
    ),
}  # fmt: skip
