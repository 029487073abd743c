"""Logits and every stage's output against torchvision, through both of its file formats."""

import jax
import numpy as np
import pytest

from jaxcbis.designs import BACKBONES
from jaxcbis.models.model import HEAD
from tests import torch_reference
from tests.differences import assert_within

CASES = [
    (name, size, suffix)
    for name in BACKBONES
    for size, suffix in ((224, ".safetensors"), (160, ".pth"))
]


def photographs(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, size, size, 3)).astype(np.float32)


@pytest.mark.parametrize(("name", "size", "suffix"), CASES)
def test_stages_equal_torchvision(name, size, suffix, tmp_path):
    reference = torch_reference.backbone(name)
    ours = torch_reference.load(name, reference, tmp_path / f"weights{suffix}")
    images = photographs(2, size)
    expected = torch_reference.outputs(name, reference, images)
    got = torch_reference.forward(ours, images)
    assert list(expected) == [*ours.stages, HEAD]
    for stage, output in expected.items():
        assert output.std() > 1e-2
        what = "logits" if stage == HEAD else "stage outputs"
        what += " against torchvision, by their deviation"
        assert_within(1e-4, got[stage], output, what, scale=output.std(), detail=f"{name} {stage}")


@pytest.mark.parametrize("size", [112, 256])
def test_vgg_head_pools_any_size_as_torch(size, tmp_path):
    reference = torch_reference.backbone("vgg16")
    ours = torch_reference.load("vgg16", reference, tmp_path / "weights.safetensors")
    images = photographs(1, size)
    expected = torch_reference.outputs("vgg16", reference, images)["head"]
    got = torch_reference.forward(ours, images)["head"]
    what = "logits against torchvision, by their deviation"
    assert_within(1e-4, got, expected, what, scale=expected.std())


@pytest.mark.parametrize("name", BACKBONES)
def test_batch_equals_single_images(name, tmp_path):
    reference = torch_reference.backbone(name)
    ours = torch_reference.load(name, reference, tmp_path / "weights.pth")
    images = photographs(3, 96)
    together = torch_reference.forward(ours, images)
    singles = [torch_reference.forward(ours, image[None]) for image in images]
    apart = jax.tree.map(lambda *parts: np.concatenate(parts), *singles)
    for stage, output in together.items():
        scale = output.std() if stage == HEAD else np.abs(output).max()
        assert_within(1e-5, output, apart[stage], "a batch against its items", scale=scale)
