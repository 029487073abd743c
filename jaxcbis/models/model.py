"""A model: what it is, its arrays, and how to run its stages."""

import dataclasses
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

import jax
import jax.numpy as jnp
from flax import nnx

HEAD = "head"
#: What the head does in front of its linear layer; without parameters, so no stage of its own.
POOL = "pool"

Tree = dict[str, Any]
#: A model's stages by name, each called as `stage(x, train)`.
Network = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Architecture:
    """A model without its arrays, static under jit.

    Equal only to itself: `nnx.GraphDef` hashes itself anew at every call, which takes longer than a
    step of the head.

    Attributes:
      name: of the backbone.
      stages: names from the input on, without the head.
      frozen: those that no phase trains, from the input on.
      graph: of the `Network`.
      options: what its design leaves open, and what weights of another framework ask for; JSON
        values.
    """

    name: str
    stages: tuple[str, ...]
    frozen: tuple[str, ...]
    graph: nnx.GraphDef
    options: Tree


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Model:
    """A backbone with its head, or some of its stages; a pytree of its arrays.

    Attributes:
      architecture: of the whole model.
      params: nested dict of float32 arrays, by stage first.
      stats: the same for BatchNorm's running statistics; only stages that have some.
    """

    architecture: Architecture = field(metadata={"static": True})
    params: Tree
    stats: Tree

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the architecture's stages from the input on, without the head."""
        return self.architecture.stages

    @property
    def frozen(self) -> tuple[str, ...]:
        """Those of them that no phase trains."""
        return self.architecture.frozen

    def replace(self, params: Tree, stats: Tree) -> Self:
        """The same architecture with other arrays."""
        return dataclasses.replace(self, params=params, stats=stats)

    def select(self, stages: Iterable[str]) -> Self:
        """Only the arrays of the given stages."""
        wanted = set(stages)
        trees = ({s: tree[s] for s in tree if s in wanted} for tree in (self.params, self.stats))
        return self.replace(*trees)

    def update(self, other: "Model") -> Self:
        """With the stages of `other` in place of the same ones here."""
        return self.replace(self.params | other.params, self.stats | other.stats)


def merge(model: Model) -> Network:
    """The stages of a whole model as modules; their arrays are not shared with it."""
    arrays = jax.tree.map(jnp.asarray, (model.params, model.stats))
    return nnx.merge(model.architecture.graph, *arrays, copy=True)


def split(network: Network) -> tuple[Tree, Tree]:
    """The parameters and statistics of a network, as `Model` holds them."""
    params, stats = nnx.state(network, nnx.Param, nnx.BatchStat)
    return nnx.to_pure_dict(params), nnx.to_pure_dict(stats)


def run(
    network: Network,
    x: jax.Array,
    stages: Iterable[str],
    train: Collection[str] = (),
    recomputed: Collection[str] = (),
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Applies stages in the given order.

    Args:
      network: of `merge`; its running statistics change for stages in `train`.
      x: the input of the first stage, [n, height, width, channels].
      stages: of the model, perhaps HEAD as the last, perhaps POOL in front of it.
      train: stages whose BatchNorm normalises by the batch and updates its running statistics;
        the others use stored ones.
      recomputed: stages whose inner activations a gradient computes anew, block by block, instead
        of keeping them; none of `train`.

    Returns:
      The last stage's output, and every stage's output by its name.
    """
    outputs = {}
    for stage in stages:
        if stage == POOL:
            x = network[HEAD].pool(x)
        elif stage in recomputed:
            x = _recomputed(network[stage], x)
        else:
            x = network[stage](x, train=stage in train)
        outputs[stage] = x
    return x, outputs


def _recomputed(stage: Any, x: jax.Array) -> jax.Array:
    """A stage whose gradient keeps no more than what enters it, or each of its residual blocks.

    Of convolutions without a shortcut, as of a VGG, each alone would be too little: what enters one
    and what leaves it are all that there is to keep.
    """
    for part in getattr(stage, "blocks", [stage]):
        x = jax.checkpoint(partial(part, train=False))(x)
    return x
