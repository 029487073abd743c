"""Class activation maps: Grad-CAM and its relatives.

Only what lies behind the mapped layer is differentiated: the gradient that a map needs ends at that
layer's output, so that behind the last one the maps of a batch cost little more than its forward
pass.

Every method of `METHODS` is a function of the same three arguments. `head` is the rest of the
network, features [n, h, w, c] to logits [n, k], each item by itself (no batch statistics);
`features` are the mapped layer's output; `classes` [n] the integer class of each map. They return
maps [n, h, w], float32, at least 0 and not scaled: all zero where nothing speaks for the class.
They may be called inside jit. Score-CAM alone needs no gradient, but images and the whole model.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxcbis.models.class_activation import gradient, weighted

SCORE_CAM = "scorecam"
#: Masked images per forward pass of Score-CAM.
MASKED = 32

#: Height and width in pixels, or the side of a square.
Size = int | tuple[int, int]


def grad_cam(head: Callable[[Array], Array], features: Array, classes: Array) -> Array:
    """Channels weighted by the spatial mean of the gradient (Selvaraju et al., ICCV 2017)."""
    return _positive(features, gradient(head, features, classes).mean(axis=(1, 2)))


def grad_cam_plus_plus(head: Callable[[Array], Array], features: Array, classes: Array) -> Array:
    """Channels weighted by powers of the positive gradient (Chattopadhay et al., WACV 2018)."""
    slope = gradient(head, features, classes)
    total = features.astype(jnp.float32).sum(axis=(1, 2), keepdims=True)
    share = slope**2 / (2 * slope**2 + total * slope**3 + 1e-6)
    return _positive(features, (jax.nn.relu(slope) * share).sum(axis=(1, 2)))


def hires_cam(head: Callable[[Array], Array], features: Array, classes: Array) -> Array:
    """Features times their own gradient, summed over channels (Draelos and Carin, 2020)."""
    slope = gradient(head, features, classes)
    return jax.nn.relu((features.astype(jnp.float32) * slope).sum(-1))


def layer_cam(head: Callable[[Array], Array], features: Array, classes: Array) -> Array:
    """Features times their own positive gradient (Jiang et al., IEEE TIP 2021)."""
    slope = jax.nn.relu(gradient(head, features, classes))
    return jax.nn.relu((features.astype(jnp.float32) * slope).sum(-1))


def score_cam(features: Array, scores: Array, classes: Array) -> Array:
    """Channels weighted by what the model says of the image seen through them.

    Wang et al., CVPR Workshops 2020. The softmax over channels makes its baseline, the logit of an
    empty image, cancel out.

    Args:
      features: [n, h, w, c] of the mapped layer.
      scores: [n, c, k] of `channel_scores`.
      classes: int [n].

    Returns:
      Maps as of every method.
    """
    of_class = jnp.take_along_axis(scores, classes[:, None, None], axis=2)[..., 0]
    return _positive(features, jax.nn.softmax(of_class, axis=1))


def channel_scores(model: Callable[[Array], Array], images: Array, features: Array) -> Array:
    """Logits of every image masked by each of its channels, scaled to 0..1 and upsampled.

    One forward pass per image and channel, of which `MASKED` at a time are in memory.

    Args:
      model: the whole network, images [n, size, size, 1 or 3] to logits [n, k].
      images: its input.
      features: [n, h, w, c] of the mapped layer.

    Returns:
      float32 [n, c, k].
    """

    height, width = images.shape[1:3]

    def of_item(item: tuple[Array, Array]) -> Array:
        image, channels = item

        def of_channel(channel: Array) -> Array:
            mask = upsample(channel[None], (height, width))
            mask = (mask - mask.min()) / (mask.max() - mask.min() + 1e-8)
            return model(image[None] * mask[..., None])[0]

        return jax.lax.map(of_channel, jnp.moveaxis(channels, -1, 0), batch_size=MASKED)

    return jax.lax.map(of_item, (images, features.astype(jnp.float32)))


#: By the name that `--cam-method` gives them; beside them there is SCORE_CAM.
METHODS = {
    "gradcam": grad_cam,
    "gradcam++": grad_cam_plus_plus,
    "hirescam": hires_cam,
    "layercam": layer_cam,
}


def _positive(features: Array, weights: Array) -> Array:
    """The ReLU of the weighted sum of channels, at the features' own resolution."""
    return jax.nn.relu(weighted(features, weights))


def enlarge(maps: np.ndarray, size: Size) -> np.ndarray:
    """`upsample` for NumPy's arrays; maps of that size already stay as they are."""
    return maps if maps.shape[1:] == _sides(size) else np.asarray(_upsample(maps, size))


def upsample(maps: Array, size: Size) -> Array:
    """Resizes maps bilinearly with half-pixel centres, as cv2.INTER_LINEAR does.

    Args:
      maps: [n, h, w].
      size: height and width of the result in pixels, or its side.

    Returns:
      [n, height, width] of the same type.
    """
    shape = (maps.shape[0], *_sides(size))
    return jax.image.resize(maps, shape, "linear", antialias=False)


_upsample = partial(jax.jit, static_argnames="size")(upsample)


def _sides(size: Size) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size
