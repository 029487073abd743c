"""Augmentation of whole images: flips and small rotations, drawn on the host, done on the device.

What is drawn hangs on the seed alone, so that a resumed run, several devices and several hosts see
the same images. Each image is resampled once, inside the compiled step, in front of the stage that
normalises it.

Shen et al. (Scientific Reports 9:12495, 2019) flip both ways and rotate by up to 25 degrees, and
zoom, shear and shift grey levels besides. Here a breast keeps its shape, size and grey levels,
which say something of a lesion, and turns by 10 degrees at most: about what positioning varies by,
and so little that, of a breast that fills the image, no more than its corners are cut off.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.ndimage import map_coordinates

#: Largest rotation, to either side.
DEGREES = 10.0
#: Sets the stream of these numbers apart from that of the order of items, of the same seed.
_STREAM = 1


def draw(count: int, seed: tuple[int, ...]) -> np.ndarray:
    """What happens to each image of an epoch.

    Args:
      count: images.
      seed: of `batches.shuffled`; the same seed draws the same.

    Returns:
      float32 [count, 3]: -1 to flip left and right or 1, the same for up and down, and degrees
      counterclockwise.
    """
    rng = np.random.default_rng((*seed, _STREAM))
    flips = rng.choice([-1.0, 1.0], (count, 2))
    degrees = rng.uniform(-DEGREES, DEGREES, (count, 1))
    return np.concatenate([flips, degrees], axis=1).astype(np.float32)


def turned(images: jax.Array, draws: jax.Array) -> jax.Array:
    """Flips images and then rotates them about their centre, by one bilinear resampling.

    Args:
      images: [n, height, width, channels]; those of integers are rounded.
      draws: [n, 3] of `draw`.

    Returns:
      The same shape and type; 0 where nothing of the image comes to lie.
    """
    moved = jnp.moveaxis(images, -1, 1).astype(jnp.float32)
    found = jnp.moveaxis(jax.vmap(_turned)(moved, draws), 1, -1)
    return (jnp.round(found) if jnp.issubdtype(images.dtype, jnp.integer) else found).astype(
        images.dtype
    )


def _turned(channels: jax.Array, drawn: jax.Array) -> jax.Array:
    """One image, float32 [channels, height, width]."""
    height, width = channels.shape[1:]
    flip_x, flip_y, degrees = drawn
    sine, cosine = jnp.sin(jnp.deg2rad(degrees)), jnp.cos(jnp.deg2rad(degrees))
    # Where each pixel of the result comes from, measured from the centre; y points down.
    y = jnp.arange(height, dtype=jnp.float32)[:, None] - (height - 1) / 2
    x = jnp.arange(width, dtype=jnp.float32)[None] - (width - 1) / 2
    rows = flip_y * (cosine * y + sine * x) + (height - 1) / 2
    columns = flip_x * (cosine * x - sine * y) + (width - 1) / 2

    def resample(channel: jax.Array) -> jax.Array:
        return map_coordinates(channel, [rows, columns], order=1, mode="constant", cval=0.0)

    return jax.vmap(resample)(channels)
