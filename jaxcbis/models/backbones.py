"""A backbone by name: its stages, its arrays, and how to run it."""

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxcbis.errors import UserError
from jaxcbis.models import resnet, vgg
from jaxcbis.models.initialization import initialize
from jaxcbis.models.weights import files, hub, tables

_MODELS = {
    "vgg16": vgg.vgg16,
    "vgg19": vgg.vgg19,
    "resnet34": resnet.resnet34,
    "resnet50": resnet.resnet50,
}
NAMES = tuple(_MODELS)
HEAD = "head"
#: What the head does in front of its linear layer; without parameters, so no stage of its own.
POOL = "pool"

Tree = dict[str, Any]


class Graph:
    """A model without its arrays, static under jit.

    Equal only to itself: `nnx.GraphDef` hashes itself anew at every call, which takes longer than a
    step of the head.
    """

    def __init__(self, graphdef: nnx.GraphDef):
        self.graphdef = graphdef


class Backbone(NamedTuple):
    """A backbone and its arrays.

    Attributes:
      name: one of NAMES.
      graph: the model without its arrays.
      params: nested dict of float32 arrays, by stage first.
      stats: the same for BatchNorm's running statistics; only stages that have some.
      source: {'source', 'sha256', 'format'} of the weights.
      options: of the architecture, which a file of another framework may need; JSON values.
    """

    name: str
    graph: Graph
    params: Tree
    stats: Tree
    source: dict[str, str | None]
    options: Tree


def stages(name: str) -> tuple[str, ...]:
    """Stages from the input on, without the head."""
    if name in vgg.DEPTHS:
        return ("block1", "block2", "block3", "block4", "block5")
    return ("stem", "layer1", "layer2", "layer3", "layer4")


def frozen_stages(name: str) -> tuple[str, ...]:
    """Stages up to the boundary nearest to half of the convolutions."""
    return stages(name)[:3]


def load(
    name: str,
    *,
    weights: str,
    num_classes: int = 5,
    seed: int = 0,
    dtype: Any = jnp.float32,
    offline: bool = False,
) -> Backbone:
    """Builds a backbone with the given weights and a new head.

    Its input is float32 [n, height, width, 3], RGB normalised by ImageNet's mean and deviation,
    whatever the file's own convention; its logits are float32 [n, num_classes].

    Args:
      name: one of NAMES.
      weights: 'imagenet' (from the Hugging Face hub), 'random', or the path of a .safetensors or
        .pth file with torchvision's names or of an .h5 file with those of Keras applications.
      num_classes: outputs of the head.
      seed: of the head, and of everything if random.
      dtype: type of the convolutions; parameters, BatchNorm and head compute in float32.
      offline: take 'imagenet' from the cache only.

    Raises:
      UserError: the backbone is unknown, or the file cannot be read or does not fit it.
      WeightsUnavailable: 'imagenet' is neither cached nor reachable.
    """
    if name not in NAMES:
        raise UserError(f"backbone {name!r}: expected one of {', '.join(NAMES)}")
    arrays: dict[str, np.ndarray] = {}
    source: dict[str, str | None] = {"source": "random", "sha256": None, "format": "random"}
    options: Tree = {}
    if weights != "random":
        file = hub.fetch(name, offline=offline) if weights == "imagenet" else Path(weights)
        contents, source = files.read(file)
        if weights == "imagenet":
            source["source"] = hub.repository(name)
        table, options = tables.table(name, str(source["format"]), contents)

    graph, params, stats = _abstract(name, num_classes, dtype, **options)
    shapes = params | stats
    if weights != "random":
        body = {path: shape for path, shape in shapes.items() if not path.startswith(f"{HEAD}/")}
        arrays = files.fill(contents, table, body, f"{name} in {source['source']}")
    fresh = {path: shape for path, shape in shapes.items() if path not in arrays}
    arrays |= initialize(fresh, seed)
    return Backbone(name, graph, _nest(arrays, params), _nest(arrays, stats), source, options)


def blank(name: str, options: Tree, *, num_classes: int = 5, dtype: Any = jnp.float32) -> Backbone:
    """A backbone whose arrays are zero, to read a trained model into.

    Args:
      name, num_classes, dtype: as of `load`.
      options: of the Backbone that was trained.
    """
    hashable = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
    graph, *shapes = _abstract(name, num_classes, dtype, **hashable)
    zeros = [{path: np.zeros(shape, np.float32) for path, shape in of.items()} for of in shapes]
    params, stats = (_nest(arrays, arrays) for arrays in zeros)
    source: dict[str, str | None] = {"source": "blank", "sha256": None, "format": "blank"}
    return Backbone(name, graph, params, stats, source, options)


def merge(graph: Graph, params: Tree, stats: Tree) -> nnx.Module:
    """The module of a backbone's graph and arrays; the arrays are not shared with it."""
    return nnx.merge(graph.graphdef, *jax.tree.map(jnp.asarray, (params, stats)), copy=True)


def split(module: nnx.Module) -> tuple[Tree, Tree]:
    """The parameters and statistics of a module, as `Backbone` holds them."""
    params, stats = nnx.state(module, nnx.Param, nnx.BatchStat)
    return nnx.to_pure_dict(params), nnx.to_pure_dict(stats)


def run(
    module: nnx.Module, x: jax.Array, stage_names: Iterable[str], train: Collection[str] = ()
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Applies stages in the given order.

    Args:
      module: of `merge`; its running statistics change for stages in `train`.
      x: the input of the first stage, [n, height, width, channels].
      stage_names: of `stages`, perhaps 'head' as the last, perhaps 'pool' in front of it.
      train: stages whose BatchNorm normalises by the batch and updates its running statistics;
        the others use stored ones.

    Returns:
      The last stage's output, and every stage's output by its name.
    """
    outputs = {}
    for stage in stage_names:
        if stage == POOL:
            x = getattr(module, HEAD).pool(x)
        else:
            x = getattr(module, stage)(x, train=stage in train)
        outputs[stage] = x
    return x, outputs


@cache  # so that one architecture has one graph, and compiles once
def _abstract(name: str, num_classes: int, dtype: Any, **options):
    """The graph and the shapes of parameters and statistics, by path."""
    model = nnx.eval_shape(lambda: _MODELS[name](num_classes, dtype=dtype, **options))
    params, stats = (flatten_dict(tree, sep="/") for tree in split(model))
    shapes = jax.tree.map(lambda leaf: leaf.shape, (params, stats))
    return Graph(nnx.graphdef(model)), *shapes


def _nest(arrays: Mapping[str, np.ndarray], paths: Iterable[str]) -> Tree:
    return unflatten_dict({path: arrays[path] for path in paths}, sep="/")
