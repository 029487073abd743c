"""A backbone by name: built, and given its weights."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxcbis.designs import BACKBONES, Design, VGGDesign
from jaxcbis.errors import UserError
from jaxcbis.models import resnet, vgg
from jaxcbis.models.initialization import initialize
from jaxcbis.models.model import HEAD, Architecture, Model, Network, Tree, split
from jaxcbis.models.weights import files, hub, tables

Shapes = dict[str, tuple[int, ...]]
Arrays = dict[str, np.ndarray]


class Loaded(NamedTuple):
    """A model and the weights that it was given.

    Attributes:
      model: with them.
      source: {'source', 'sha256', 'format'} of the weights.
      notes: what was left out of their file, and what speaks against it.
    """

    model: Model
    source: dict[str, str | None]
    notes: list[str]


def load(  # what is built, from what, and how
    name: str,
    *,
    weights: str,
    num_classes: int = 5,
    seed: int = 0,
    dtype: Any = jnp.float32,
    offline: bool = False,
    output_stride: int | None = None,
    head: str | None = None,
) -> Loaded:
    """Builds a backbone with the given weights and a new head.

    Its input is float32 [n, height, width, 3], RGB normalised by ImageNet's mean and deviation,
    whatever the file's own convention; its logits are float32 [n, num_classes].

    Args:
      name: one of `designs.BACKBONES`.
      weights: 'imagenet' (from the Hugging Face hub), 'random', or the path of a file with
        torchvision's names (safetensors or torch's) or those of Keras applications (.h5, .keras),
        alone or inside another model.
      num_classes: outputs of the head.
      seed: of the head, and of everything if random.
      dtype: type of the convolutions; parameters, BatchNorm and head compute in float32.
      offline: take 'imagenet' from the cache only.
      output_stride: pixels of the image per cell of the last stage, see `resnet.resnet`.
      head: 'flatten' or 'pool', see `vgg.vgg`; both are None for the backbone's own.

    Raises:
      UserError: the backbone is unknown or has no such stride or head, or the file cannot be read
        or does not fit it.
      WeightsUnavailable: 'imagenet' is neither cached nor reachable.
    """
    if name not in BACKBONES:
        raise UserError(f"backbone {name!r}: expected one of {', '.join(BACKBONES)}")
    source: dict[str, str | None] = {"source": "random", "sha256": None, "format": "random"}
    options: Tree = {"output_stride": output_stride, "head": head}
    if weights == "random":
        architecture, params, stats = _built(name, options, num_classes, dtype)
        return Loaded(_filled(architecture, params, stats, {}, seed), source, [])

    file = hub.fetch(name, offline=offline) if weights == "imagenet" else Path(weights)
    contents, source = files.read(file)
    if weights == "imagenet":
        source["source"] = hub.repository(name)
    given = files.find(contents, name, source)
    options |= tables.options(BACKBONES[name], given.form)
    architecture, params, stats = _built(name, options, num_classes, dtype)
    body = {
        path: shape for path, shape in (params | stats).items() if not path.startswith(f"{HEAD}/")
    }
    arrays = files.fill(given, body)
    return Loaded(
        _filled(architecture, params, stats, arrays, seed), source, files.notes(given, arrays)
    )


def blank(name: str, options: Tree, *, num_classes: int = 5, dtype: Any = jnp.float32) -> Model:
    """A model whose arrays are zero, to read a trained one into.

    Args:
      name, num_classes, dtype: as of `load`.
      options: of the architecture that was trained; what they do not say is the backbone's own.
    """
    return zeros(*_built(name, options, num_classes, dtype))


def zeros(architecture: Architecture, *shapes: Shapes) -> Model:
    """A model of zeros, given the shapes of its parameters and of its statistics by path."""
    arrays = [{path: np.zeros(shape, np.float32) for path, shape in of.items()} for of in shapes]
    params, stats = (nest(of, of) for of in arrays)
    return Model(architecture, params, stats)


def network(design: Design, num_classes: int, dtype: jnp.dtype, options: Tree) -> Network:
    """The stages of a backbone; its arrays are zero.

    Args:
      design, num_classes, dtype: of `load`.
      options: of an architecture.
    """
    build: Any = vgg.vgg if isinstance(design, VGGDesign) else resnet.resnet
    return build(design, num_classes, dtype=dtype, **options)


def outlined(build: Callable[[], Network]) -> tuple[nnx.GraphDef, Shapes, Shapes]:
    """The graph of what a function builds, and the shapes of its parameters and statistics."""
    built = nnx.eval_shape(build)
    params, stats = (flatten_dict(tree, sep="/") for tree in split(built))
    params, stats = jax.tree.map(lambda leaf: leaf.shape, (params, stats))
    return nnx.graphdef(built), params, stats


def _built(
    name: str, options: Tree, num_classes: int, dtype: Any
) -> tuple[Architecture, Shapes, Shapes]:
    """The architecture, and the shapes of its parameters and statistics by path."""
    given = dict(options)
    for key, values in BACKBONES[name].choices.items():
        value = given.pop(key, None) or values[0]
        if value not in values:
            expected = " or ".join(map(str, values))
            raise UserError(f"{name} with {key} {value}: expected {expected}")
        if len(values) > 1:
            given[key] = value
    hashable = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    return _build(
        name, BACKBONES[name], tuple(sorted(hashable.items())), num_classes, jnp.dtype(dtype)
    )


@cache  # so that equal models have one architecture, and compile once
def _build(
    name: str, design: Design, options: tuple, num_classes: int, dtype: jnp.dtype
) -> tuple[Architecture, Shapes, Shapes]:
    given = dict(options)
    graph, params, stats = outlined(lambda: network(design, num_classes, dtype, given))
    return Architecture(name, design.stages, design.frozen, graph, given), params, stats


def _filled(
    architecture: Architecture, params: Shapes, stats: Shapes, arrays: Arrays, seed: int
) -> Model:
    """A model of the given arrays, and of fresh ones where there are none."""
    shapes = params | stats
    fresh = {path: shape for path, shape in shapes.items() if path not in arrays}
    whole = {**arrays, **initialize(fresh, seed)}
    return Model(architecture, nest(whole, params), nest(whole, stats))


def nest(arrays: Mapping[str, Any], paths: Iterable[str]) -> Tree:
    """The arrays at some paths, as `Model` holds them."""
    return unflatten_dict({path: arrays[path] for path in paths}, sep="/")
