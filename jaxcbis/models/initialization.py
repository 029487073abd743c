"""Fresh parameters, drawn by numpy: each array from a stream of its own, so that a head does not
depend on what else is drawn."""

import zlib

import numpy as np


def initialize(shapes: dict[str, tuple[int, ...]], seed: int) -> dict[str, np.ndarray]:
    """Draws float32 arrays for parameters and statistics, both by path.

    Convolutions: normal with fan-out, He et al. 2015, biases zero. Linear layers: torch's uniform
    within 1 / sqrt(inputs) for kernel and bias. BatchNorm: scale and variance 1, bias and mean 0;
    but a scale of 1/4 at the end of a residual branch, since with stored statistics an untrained
    network of 16 blocks would otherwise double its activations' variance with each of them.
    """
    return {path: _draw(path, shapes, seed) for path in shapes}


def _draw(path: str, shapes: dict[str, tuple[int, ...]], seed: int) -> np.ndarray:
    rng = np.random.default_rng([seed, zlib.crc32(path.encode())])
    shape = shapes[path]
    layer, _, kind = path.rpartition("/")
    if layer.endswith("linear"):
        bound = 1 / np.sqrt(shapes[f"{layer}/kernel"][0])
        return rng.uniform(-bound, bound, shape).astype(np.float32)
    if kind == "kernel":
        rows, columns, _, outputs = shape
        deviation = np.sqrt(2 / (rows * columns * outputs))
        return rng.standard_normal(shape, np.float32) * np.float32(deviation)
    if kind == "scale" and _ends_branch(layer, shapes):
        return np.full(shape, 0.25, np.float32)
    return (np.ones if kind in ("scale", "var") else np.zeros)(shape, np.float32)


def _ends_branch(layer: str, shapes: dict[str, tuple[int, ...]]) -> bool:
    """Whether a BatchNorm is the last one in front of a residual block's sum."""
    block, _, name = layer.rpartition("/")
    if "shortcut" in block or not name.startswith("bn") or "block" not in block:
        return False
    return f"{block}/bn{int(name[2:]) + 1}/scale" not in shapes
