"""Keras' VGG and ResNet50 (v1) computed by torch from the arrays of an .h5 file as they stand.

In float64 and Keras' convention: BGR, 0..255, less the mean. Outputs: NHWC, by our stages' names.
"""

from pathlib import Path

import h5py
import numpy as np
import torch
from torch.nn import functional as F

from tests.torch_reference import to_numpy, to_torch

MEAN_BGR = np.array([103.939, 116.779, 123.68])
BLOCKS = {2: "abc", 3: "abcd", 4: "abcdef", 5: "abc"}
WIDTHS = {2: 64, 3: 128, 4: 256, 5: 512}


def read(file: Path) -> dict[str, torch.Tensor]:
    """The arrays by the last part of their names, such as 'conv1_W_1:0'."""
    with h5py.File(file) as root:
        return {
            name: torch.from_numpy(array[()]).double()
            for group in root.values()
            for name, array in group.items()
        }


def vgg(file: Path, depths: tuple[int, ...], photographs: np.ndarray) -> dict[str, np.ndarray]:
    """Outputs of the five blocks, for RGB in 0..255."""
    arrays, x, outputs = read(file), preprocess(photographs), {}
    for block, depth in enumerate(depths, 1):
        for i in range(1, depth + 1):
            x = convolve(arrays, f"block{block}_conv{i}", x, padding=1).relu()
        if block < 5:
            x = F.max_pool2d(x, 2)
        outputs[f"block{block}"] = to_numpy(x)
    return outputs


def resnet50(file: Path, photographs: np.ndarray) -> dict[str, np.ndarray]:
    """Outputs of stem and layers, and the file's own 1000 logits, for RGB in 0..255."""
    arrays, x = read(file), preprocess(photographs)

    def unit(name, x, **options):
        y = convolve(arrays, f"res{name}", x, **options)
        return normalize(arrays, f"bn{name}", y)

    x = convolve(arrays, "conv1", x, stride=2, padding=3)
    x = F.max_pool2d(normalize(arrays, "bn_conv1", x).relu(), 3, 2, padding=1)
    outputs = {"stem": to_numpy(x)}
    for stage, letters in BLOCKS.items():
        for letter in letters:
            block = f"{stage}{letter}_branch"
            stride = 2 if letter == "a" and stage > 2 else 1
            y = unit(f"{block}2a", x, stride=stride).relu()
            y = unit(f"{block}2b", y, padding=1).relu()
            y = unit(f"{block}2c", y)
            shortcut = unit(f"{block}1", x, stride=stride) if letter == "a" else x
            x = (y + shortcut).relu()
        outputs[f"layer{stage - 1}"] = to_numpy(x)
    logits = x.mean((2, 3)) @ arrays["fc1000_W_1:0"] + arrays["fc1000_b_1:0"]
    return outputs | {"head": logits.numpy()}


def preprocess(photographs: np.ndarray) -> torch.Tensor:
    return to_torch(photographs[..., ::-1].astype(np.float64) - MEAN_BGR)


def convolve(arrays, name, x, **options):
    kernel = arrays[f"{name}_W_1:0"].permute(3, 2, 0, 1)
    return F.conv2d(x, kernel, arrays[f"{name}_b_1:0"], **options)


def normalize(arrays, name, x):
    kinds = ("running_mean", "running_std", "gamma", "beta")
    return F.batch_norm(x, *(arrays[f"{name}_{kind}_1:0"] for kind in kinds), eps=1e-5)


def random_resnet50() -> dict[tuple[str, str], np.ndarray]:
    """Arrays by (layer, kind) with the first Keras file's layer names, biases not zero."""
    rng = np.random.default_rng(0)
    arrays = {}

    def draw(conv, bn, size, inputs, outputs):
        deviation = (2 / (size * size * inputs)) ** 0.5
        arrays[conv, "kernel"] = deviation * rng.standard_normal((size, size, inputs, outputs))
        arrays[conv, "bias"] = rng.normal(0, 0.1, outputs)
        arrays[bn, "gamma"] = rng.uniform(0.3, 0.9, outputs)
        arrays[bn, "beta"] = rng.normal(0, 0.1, outputs)
        arrays[bn, "moving_mean"] = rng.normal(0, 0.1, outputs)
        arrays[bn, "moving_variance"] = rng.uniform(0.5, 1.5, outputs)

    draw("conv1", "bn_conv1", 7, 3, 64)
    arrays["conv1", "kernel"] /= 70  # of the input's range
    inputs = 64
    for stage, letters in BLOCKS.items():
        width = WIDTHS[stage]
        for letter in letters:
            name = f"{stage}{letter}_branch"
            if letter == "a":
                draw(f"res{name}1", f"bn{name}1", 1, inputs, 4 * width)
            draw(f"res{name}2a", f"bn{name}2a", 1, inputs, width)
            draw(f"res{name}2b", f"bn{name}2b", 3, width, width)
            draw(f"res{name}2c", f"bn{name}2c", 1, width, 4 * width)
            inputs = 4 * width
    arrays["fc1000", "kernel"] = rng.standard_normal((2048, 1000)) / 45
    arrays["fc1000", "bias"] = rng.normal(0, 0.1, 1000)
    return arrays


def random_vgg16() -> dict[tuple[str, str], np.ndarray]:
    """Arrays by (layer, kind), biases not zero."""
    rng, arrays, inputs = np.random.default_rng(0), {}, 3
    widths = (64, 128, 256, 512, 512)
    for block, (depth, width) in enumerate(zip((2, 2, 3, 3, 3), widths, strict=True), 1):
        for i in range(1, depth + 1):
            layer = f"block{block}_conv{i}"
            deviation = (2 / (9 * inputs)) ** 0.5 / (70 if inputs == 3 else 1)
            arrays[layer, "kernel"] = deviation * rng.standard_normal((3, 3, inputs, width))
            arrays[layer, "bias"] = rng.normal(0, 0.1, width)
            inputs = width
    arrays["predictions", "kernel"] = np.ones((4096, 1000))
    return arrays


def write_legacy(file: Path, arrays: dict[tuple[str, str], np.ndarray]) -> None:
    """As the first Keras files name them: res2a_branch2a/res2a_branch2a_W_1:0."""
    short = {"kernel": "W", "bias": "b"}
    short |= {"moving_mean": "running_mean", "moving_variance": "running_std"}
    with h5py.File(file, "w") as root:
        for (layer, kind), array in arrays.items():
            name = f"{layer}/{layer}_{short.get(kind, kind)}_1:0"
            root.create_dataset(name, data=array.astype(np.float32))


def write_current(file: Path, arrays: dict[tuple[str, str], np.ndarray]) -> None:
    """As Keras names them today: conv2_block1_1_conv/conv2_block1_1_conv/kernel:0."""
    with h5py.File(file, "w") as root:
        for (layer, kind), array in arrays.items():
            name = current_name(layer)
            root.create_dataset(f"{name}/{name}/{kind}:0", data=array.astype(np.float32))


def current_name(layer: str) -> str:
    known = {"conv1": "conv1_conv", "bn_conv1": "conv1_bn", "fc1000": "predictions"}
    if layer in known:
        return known[layer]
    kind, position = ("conv", layer[3:]) if layer.startswith("res") else ("bn", layer[2:])
    block, branch = position.split("_branch")
    number = {"1": 0, "2a": 1, "2b": 2, "2c": 3}[branch]
    return f"conv{block[0]}_block{'abcdef'.index(block[1]) + 1}_{number}_{kind}"
