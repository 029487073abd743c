"""Grey that comes in the channels of a colour image."""

import cv2
import numpy as np

from tfds_cbis.release.depth import eight_bit

#: Channels that differ by more than this are colour; in a grey JPEG they may differ a little.
COLOUR = 16


def grey(colours: np.ndarray) -> np.ndarray:
    """Red, green and blue [height, width, 3] that hardly differ to grey [height, width].

    Raises:
      ValueError: they do differ.
    """
    require_grey(colours)
    return cv2.cvtColor(np.ascontiguousarray(colours), cv2.COLOR_RGB2GRAY)


def require_grey(colours: np.ndarray) -> None:
    """Checks that channels [height, width, 3], uint8 or uint16, hardly differ.

    Raises:
      ValueError: they do.
    """
    spread = int(np.ptp(eight_bit(colours), axis=2).max())
    if spread > COLOUR:
        raise ValueError(
            f"a colour image (its channels differ by up to {spread} of 255); a mammogram is grey: "
            "save it without colours and marks"
        )


def require_opaque(opacity: np.ndarray) -> None:
    """Checks that no pixel shows what is behind it.

    Raises:
      ValueError: one does.
    """
    if opacity.min() < np.iinfo(opacity.dtype).max:
        raise ValueError("has transparent pixels; save it as plain grey")
