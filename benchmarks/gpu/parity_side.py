"""A model's answers to one batch: logits, loss and gradients, to compare a device with a CPU.

Called as `python -m benchmarks.gpu.parity_side MODEL WEIGHTS IN.npz OUT.npz`, it leaves those of
the CPU in float32.
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks import measure
from jaxcbis.machine import backend
from jaxcbis.models import backbones
from jaxcbis.models.inference import apply
from jaxcbis.models.model import HEAD, Tree

#: Entries of a stage's gradient that are compared; more say nothing else.
_ENTRIES = 20_000


def answers(
    model: str, weights: str, batch: tuple[np.ndarray, np.ndarray], dtype: str, precision: str
) -> dict[str, np.ndarray]:
    """Computes with stored BatchNorm statistics.

    Args:
      model: name of the backbone.
      weights: of `backbones.load`.
      batch: images float32 [n, size, size, 1] and labels int32 [n].
      dtype: of the convolutions.
      precision: of products of float32, 'highest' or 'default'.

    Returns:
      'logits' [n, classes], 'loss' [], and by stage 'gradient STAGE' [k], of its parameters.
    """
    backbone = backbones.load(model, weights=weights, dtype=jnp.dtype(dtype)).model
    stages = (*backbone.stages, HEAD)
    images, labels = batch

    def loss(params: Tree, stats: Tree) -> tuple[jax.Array, jax.Array]:
        logits = apply(backbone.replace(params, stats), jnp.asarray(images), stages)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, jnp.asarray(labels))
        return losses.mean(), logits

    with jax.default_matmul_precision(precision):
        step = jax.jit(jax.value_and_grad(loss, has_aux=True))
        (value, logits), gradient = step(backbone.params, backbone.stats)
    found = {"logits": np.asarray(logits, np.float32), "loss": np.asarray(value, np.float32)}
    for stage in stages:
        leaves = jax.tree.leaves(gradient[stage])
        whole = np.concatenate([np.ravel(np.asarray(leaf, np.float32)) for leaf in leaves])
        found[f"gradient {stage}"] = whole[:: max(1, len(whole) // _ENTRIES)]
    return found


if __name__ == "__main__":
    model, weights, source, target = sys.argv[1:]
    backend.start("cpu", measure.cores())
    with np.load(source) as file:
        batch = file["images"], file["labels"]
    with open(target, "wb") as out:
        np.savez(out, allow_pickle=False, **answers(model, weights, batch, "float32", "highest"))
