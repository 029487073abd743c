"""Arrays of Keras' files, by 'layer/kind' behind the models that they are nested in.

A file of Keras 1 and 2 has a group per layer, in which arrays have the names of the layer and of
their kind: conv1/conv1_W_1:0, block1_conv1/block1_conv1/kernel:0. A nested model is a group around
its layers', and model.save puts everything into model_weights, beside the optimizer's arrays.

Keras 3 numbers the arrays of a layer in a group `vars`, whose attribute `name` is the layer's; its
first versions lack it, and there a layer is known by its class and a number: conv2d_1.
"""

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from jaxcbis.models.weights.kinds import KERAS_MEMBER, MOST

_KINDS = {
    "kernel": "kernel",
    "bias": "bias",
    "gamma": "gamma",
    "beta": "beta",
    "moving_mean": "moving_mean",
    "moving_variance": "moving_variance",
    # The first Keras files have names of their own; their 'running_std' holds variances.
    "W": "kernel",
    "b": "bias",
    "running_mean": "moving_mean",
    "running_std": "moving_variance",
}
_KIND = re.compile(rf"(?:.*_)?({'|'.join(_KINDS)})(?:_\d+)?(?::0)?")
#: Kinds of the numbered arrays, by the class of the layer.
_NUMBERED = {
    "conv2d": ("kernel", "bias"),
    "dense": ("kernel", "bias"),
    "batch_normalization": ("gamma", "beta", "moving_mean", "moving_variance"),
}


def load(file: Path) -> dict[str, np.ndarray]:
    """Reads the arrays of an .h5 file or a .keras archive, but for those of an optimizer.

    Returns:
      The arrays by 'layer/kind', in a nested model by 'model/layer/kind'; what is no such array has
      its name in the file.

    Raises:
      OSError, KeyError, ValueError: the file is damaged.
    """
    if not zipfile.is_zipfile(file):
        return _read(file)
    with zipfile.ZipFile(file) as archive:
        if archive.getinfo(KERAS_MEMBER).file_size > MOST:
            raise ValueError(f"more than {MOST:.1e} bytes of weights")
        return _read(io.BytesIO(archive.read(KERAS_MEMBER)))


def _read(file: Path | io.BytesIO) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    total = 0

    def visit(path: str, item: Any) -> None:
        nonlocal total
        if isinstance(item, h5py.Dataset) and not path.startswith("optimizer"):
            total += item.nbytes
            if total > MOST:
                raise ValueError(f"more than {MOST:.1e} bytes of weights")
            name = _name(path.replace("\\", "/"), item)  # some were written on Windows
            arrays[path if name in arrays else name] = item[()]

    with h5py.File(file) as root:
        root.get("model_weights", root).visititems(visit)
    return arrays


def _name(path: str, item: h5py.Dataset) -> str:
    *outer, last = path.split("/")
    if last.isdecimal() and len(outer) > 1 and outer[-1] == "vars":
        *models, layer, _ = outer
        kinds = _NUMBERED.get(re.sub(r"_\d+$", "", layer), ())
        kind = kinds[int(last)] if int(last) < len(kinds) else last
        return "/".join([*models, str(item.parent.attrs.get("name", layer)), kind])
    found = _KIND.fullmatch(last)
    if not found or not outer:
        return path
    # The layer's own group is the first that is called like its arrays' innermost one.
    own = re.sub(r"_\d+$", "", outer[-1])
    first = next(i for i, group in enumerate(outer) if group in (outer[-1], own))
    return "/".join([*outer[: first + 1], _KINDS[found[1]]])
