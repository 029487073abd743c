"""Fresh parameters, drawn by numpy: each array from a stream of its own, so that a head does not
depend on what else is drawn."""

import zlib

import numpy as np


def initialize(shapes: dict[str, tuple[int, ...]], seed: int) -> dict[str, np.ndarray]:
    """Draws float32 arrays for parameters and statistics, both by path.

    Convolutions: normal with fan-out, He et al. 2015, biases zero. Linear layers: torch's uniform
    within 1 / sqrt(inputs) for kernel and bias. BatchNorm: scale and variance 1, bias and mean 0.
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
    return (np.ones if kind in ("scale", "var") else np.zeros)(shape, np.float32)
