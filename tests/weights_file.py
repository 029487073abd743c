"""A weights file as torchvision would write it, without PyTorch."""

import numpy as np
from flax.traverse_util import flatten_dict

import tests.tiny  # noqa: F401 - registers its backbones
from jaxcbis.designs import BACKBONES
from jaxcbis.models import backbones
from jaxcbis.models.weights import tables


def arrays(name: str, seed: int = 1) -> dict[str, np.ndarray]:
    """Random arrays of a backbone by torchvision's names, its classifier among them."""
    model = backbones.load(name, weights="random", seed=seed).model
    ours = {**flatten_dict(model.params, sep="/"), **flatten_dict(model.stats, sep="/")}
    rows = tables.namings(BACKBONES[name], "torchvision")[0]
    found = {}
    for target, (source,), convert in rows:
        value = ours[target]
        found[source] = value.transpose(3, 2, 0, 1) if convert is tables.hwio else value
    contiguous = {source: np.ascontiguousarray(value) for source, value in found.items()}
    return contiguous | {"fc.weight": np.ones((1000, 16), np.float32)}
