"""Little programs that do what the package's must not, beside the same without it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

IMAGES = (2, 32, 32, 64)
WEIGHTS = (3, 3, 64, 64)
TURNS = 7


def _pool_of_windows(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def _pool_of_maxima(x):
    rows = jnp.maximum(x[:, ::2], x[:, 1::2])
    return jnp.maximum(rows[:, :, ::2], rows[:, :, 1::2])


def _gradient_of(pool: Callable):
    def gradient(images):
        return jax.grad(lambda x: pool(x).sum())(images)

    return jax.jit(gradient), {"images": _floats(*IMAGES)}


def _step(order: str, state, images):
    """A step of gradient descent on a convolution's kernel, which lies in this order."""

    def loss(kernel):
        dimensions = ("NHWC", order, "NHWC")
        y = lax.conv_general_dilated(images, kernel, (1, 1), "SAME", dimension_numbers=dimensions)
        return jax.nn.relu(y).mean()

    return state - 0.1 * jax.grad(loss)(state)


def _steps(state, images):
    return lax.scan(lambda state, x: (_step("OHWI", state, x), None), state, images)[0]


def _learning(function: Callable, order: str = "OHWI", images=IMAGES, donated=None):
    lengths = {"H": WEIGHTS[0], "W": WEIGHTS[1], "I": WEIGHTS[2], "O": WEIGHTS[3]}
    state = _floats(*(lengths[axis] for axis in order))
    jitted = jax.jit(function, donate_argnames=donated)
    return jitted, {"state": state, "images": _floats(*images)}


def _floats(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)


#: Functions of `jax.jit` and their arguments.
PROGRAMS: dict[str, tuple[Any, dict[str, Any]]] = {
    "pool of windows": _gradient_of(_pool_of_windows),
    "pool of maxima": _gradient_of(_pool_of_maxima),
    "step in lax's order": _learning(partial(_step, "HWIO"), "HWIO"),
    "step in cuDNN's order": _learning(partial(_step, "OHWI")),
    "step in its memory": _learning(partial(_step, "OHWI"), donated="state"),
    "steps": _learning(_steps, images=(TURNS, *IMAGES)),
}
