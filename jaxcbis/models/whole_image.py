"""A classifier of whole images made of one of patches.

The patch network without its head runs over the whole image: it has no layer that asks for a size.
Behind its last stage, or behind its head at every cell (`heatmap`), stands a top of one or two
blocks, the mean over all cells, and one linear layer with one output: the logit of 'malignant'.

Source: Shen et al., Deep Learning to Improve Breast Cancer Detection on Screening Mammography,
Scientific Reports 9:12495, 2019, and its repository lishen/end2end-all-conv. Theirs are: the top of
residual bottlenecks [512-512-2048] or of 3x3 convolutions of 512 channels, each block halving the
resolution; global average pooling; the top trained first, then all. What differs:

- BatchNorm. A batch holds two images, whose statistics mean little, so all of it uses stored ones:
  the patch network's its own, the top's mean 0 and variance 1, which leaves a learned scale and
  shift. The VGG top has none, as VGG16 has none. Both start with the fresh values of
  `initialization`.
- The stride is on a bottleneck's 3x3 convolution, not on the 1x1 in front of it, which would not
  see three of four cells. A lesion may have no more than one.
- One output in the place of two with a softmax over them: the same function.
- Heatmaps are the softmax at the stride of the network, not of patches cut on a grid.

A head that flattens a grid of cells has weights for each of them and fits no other grid. It is left
out, as all of the literature leaves out VGG's fully connected layers; the top takes the features.
"""

from functools import cache
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np

from jaxcbis.data.normalization import Statistics
from jaxcbis.designs import BACKBONES, Design
from jaxcbis.errors import UserError
from jaxcbis.models import backbones
from jaxcbis.models.backbones import Shapes
from jaxcbis.models.initialization import initialize
from jaxcbis.models.layers import PoolHead
from jaxcbis.models.model import HEAD, Architecture, Model, Network, Tree
from jaxcbis.models.top import Heatmap, Input, Kind, Top

INPUT, HEATMAP, TOP = "input", "heatmap", "top"
#: What the top sees: the last stage's features, or the patch network's answer at every cell.
Seen = Literal["features", "heatmap"]


def build(  # all that a classifier hangs on, by name
    patch: Model,
    statistics: Statistics,
    *,
    top: Kind = "residual",
    blocks: int = 2,
    top_input: Seen = "features",
    seed: int = 0,
    dtype: Any = jnp.float32,
) -> Model:
    """A whole-image classifier with a patch model's weights and a new top.

    Its stages are `input`, those of the patch model, perhaps `heatmap`, and `top`. It takes uint8
    or uint16 [n, height, width, 1] of any size and normalises it as the patches were; its logits
    are float32 [n, 1].

    Args:
      patch: of `backbones`, whole.
      statistics: of the patches that it was trained on.
      top: kind of its blocks.
      blocks: how many.
      top_input: what enters the top.
      seed: of the top's weights.
      dtype: type of the convolutions.

    Raises:
      UserError: a heatmap is asked for of a patch model whose head has none.
    """
    classes = patch.params[HEAD]["linear"]["bias"].shape[0]
    options = {
        "patch": patch.architecture.options, "classes": classes,
        "top": top, "blocks": blocks, "top_input": top_input,
    }  # fmt: skip
    architecture, params, stats = _built(patch.architecture.name, options, dtype)
    new = (f"{TOP}/", f"{HEAD}/")
    fresh = {path: shape for path, shape in (params | stats).items() if path.startswith(new)}
    model = Model(architecture, patch.params, patch.stats).select(patch.stages)
    added = {**initialize(fresh, seed), **_normalizing(statistics)}
    if top_input == "heatmap":
        added |= _as_convolution(patch)
    parts = [
        backbones.nest(added, [path for path in shapes if path in added])
        for shapes in (params, stats)
    ]
    return model.update(model.replace(*parts))


def blank(name: str, options: Tree, *, dtype: Any = jnp.float32) -> Model:
    """A classifier whose arrays are zero, to read a trained one into.

    Args:
      name: of the backbone.
      options: of the architecture that was trained.
      dtype: type of the convolutions.
    """
    return backbones.zeros(*_built(name, options, dtype))


def mapped(model: Model) -> str:
    """The stage whose maps show most: the patch network's last one; the top's cells are coarse."""
    added = (HEATMAP, TOP)
    return [stage for stage in model.stages if stage not in added][-1]


def _built(name: str, options: Tree, dtype: Any) -> tuple[Architecture, Shapes, Shapes]:
    """The architecture, and the shapes of its parameters and statistics by path."""
    if options["top_input"] == "heatmap" and options["patch"].get("head") == "flatten":
        raise UserError(
            f"a heatmap of {name} with the head 'flatten': that head has weights for every cell of "
            "its grid; choose --top-input features, or a run with --head pool"
        )
    patch = {k: tuple(v) if isinstance(v, list) else v for k, v in options["patch"].items()}
    own = tuple(sorted((key, value) for key, value in options.items() if key != "patch"))
    return _build(name, BACKBONES[name], tuple(sorted(patch.items())), own, jnp.dtype(dtype))


@cache  # so that equal models have one architecture, and compile once
def _build(
    name: str, design: Design, patch: tuple, own: tuple, dtype: jnp.dtype
) -> tuple[Architecture, Shapes, Shapes]:
    options: Tree = {"patch": dict(patch), **dict(own)}
    added = (HEATMAP, TOP) if options["top_input"] == "heatmap" else (TOP,)

    def network() -> Network:
        stages = backbones.network(design, options["classes"], dtype, options["patch"])
        features = stages[design.stages[-1]].outputs
        body: Network = {INPUT: Input()} | {stage: stages[stage] for stage in design.stages}
        if HEATMAP in added:
            body[HEATMAP] = Heatmap(features, options["classes"])
            features = options["classes"]
        body[TOP] = Top(options["top"], options["blocks"], features, dtype=dtype)
        return body | {HEAD: PoolHead(body[TOP].outputs, 1)}

    graph, params, stats = backbones.outlined(network)
    stages, frozen = (INPUT, *design.stages, *added), (INPUT, *design.frozen)
    return Architecture(name, stages, frozen, graph, options), params, stats


def _normalizing(statistics: Statistics) -> dict[str, np.ndarray]:
    """Of the stage `input`, by path."""
    return {
        f"{INPUT}/mean": np.array(statistics.mean, np.float32),
        f"{INPUT}/deviation": np.array(statistics.deviation, np.float32),
    }


def _as_convolution(patch: Model) -> dict[str, Any]:
    """The patch model's head as the 1x1 convolution of the stage `heatmap`, by path."""
    linear = patch.params[HEAD]["linear"]
    return {
        f"{HEATMAP}/conv/kernel": linear["kernel"][None, None],
        f"{HEATMAP}/conv/bias": linear["bias"],
    }
