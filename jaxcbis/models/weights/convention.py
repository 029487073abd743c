"""Whether weights were made for the input that they will be given: what their first layer tells.

Ours is RGB, normalised by ImageNet's mean and deviation. Caffe's is BGR in 0..255 less the mean.
"""

import numpy as np

from jaxcbis.models.weights.tables import IMAGENET_STD

#: A normalised channel lies within -2.2 and 2.7. No weighted sum of such has more than this times
#: the square of its weights' absolute sum as its variance.
MOST = 6.0
#: The largest share of it that a filter reaches is 0.6 in Keras' ResNet50. Input that is smaller by
#: 255 than was reckoned with leaves less than this.
LEAST = 1e-3
#: Mean absolute sum of a filter: 4.2 in Caffe's VGG19. For an input of 0..255 a filter as strong as
#: torchvision's has 58 times less.
WEAKEST = 0.2
#: First weights of the first filter of Caffe's VGG16 and VGG19, for blue, green and red.
CAFFE_VGG = np.array([[0.4295, 0.5504, 0.4800], [0.3412, 0.4642, 0.3942]])


def doubts(kernel: np.ndarray, variance: np.ndarray | None, *, keras: bool) -> list[str]:
    """What speaks against an input as ours, in words.

    Args:
      kernel: of the first convolution [rows, columns, 3, filters], for our input.
      variance: that the BatchNorm behind it has seen [filters]; None if there is none.
      keras: the file was read as one for Caffe's input.
    """
    sums = np.abs(kernel).sum((0, 1, 2))
    assumed = "BGR in 0..255" if keras else "RGB normalised by ImageNet's mean and deviation"
    if variance is None:
        return _without_statistics(kernel, sums, keras=keras)
    alive = sums > sums.max() / 20
    share = float((variance[alive] / np.square(sums[alive])).max(initial=0.0))
    if share > MOST:
        much = "larger than ours can be, as from pixels of 0..255"
    elif share < LEAST:
        much = "much smaller than ours, as from pixels of 0..1"
    else:
        return []
    return [
        f"the first BatchNorm has seen values {much}: the file seems to be made for another input "
        f"than {assumed}, so its features may be poor here"
    ]


def _without_statistics(kernel: np.ndarray, sums: np.ndarray, *, keras: bool) -> list[str]:
    if keras:
        corner = (kernel[0, 0, :, 0] / (255 * IMAGENET_STD))[::-1]
        return [] if _is_caffe(corner) else [
            "Keras' own input is assumed, BGR in 0..255 less ImageNet's mean; if the file was "
            "trained on another, such as 0..1, its features may be poor here"
        ]  # fmt: skip
    corner = kernel[0, 0, :, 0]
    if _is_caffe(corner) or _is_caffe(corner[::-1]):
        return [
            "the first convolution is that of Caffe's VGG, made for an input in 0..255, not for "
            "normalised RGB: give torchvision's file, or Keras' of the same weights"
        ]
    if sums.mean() < WEAKEST:
        return [
            "the first convolution is so weak that the file seems to be made for pixels of 0..255, "
            "not for normalised RGB, so its features may be poor here"
        ]
    return []


def _is_caffe(corner: np.ndarray) -> bool:
    return bool((np.abs(corner / CAFFE_VGG - 1) < 0.05).all(1).any())
