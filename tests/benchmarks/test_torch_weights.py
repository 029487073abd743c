"""Our weights in PyTorch: torchvision's come back bit by bit, Keras' compute as Keras does."""

import numpy as np
import pytest
import torch

from benchmarks.peer import weights as torch_weights
from benchmarks.peer.models import stages, to_tensor
from jaxcbis.models import backbones
from tests import keras_reference, torch_reference
from tests.differences import assert_within
from tests.models.weights.test_keras import noise, normalized

SIZE = 64


def grey_images():
    return np.random.default_rng(0).normal(size=(4, SIZE, SIZE, 1)).astype(np.float32)


@pytest.mark.parametrize("name", ["vgg16", "resnet34", "resnet50"])
def test_torchvision_weights_come_back_bit_by_bit(name, tmp_path):
    reference = torch_reference.backbone(name)
    ours = torch_reference.load(name, reference, tmp_path / "weights.safetensors")
    expected, got = reference.state_dict(), torch_weights.from_ours(ours).state_dict()
    assert list(got) == list(expected)
    assert all(torch.equal(got[key], expected[key]) for key in expected)


@pytest.mark.parametrize(
    ("name", "draw", "compute"),
    [
        ("resnet50", keras_reference.random_resnet50, keras_reference.resnet50),
        (
            "vgg16",
            keras_reference.random_vgg16,
            lambda file, x: keras_reference.vgg(file, (2, 2, 3, 3, 3), x),
        ),
    ],
)
def test_keras_weights_compute_as_keras_does(name, draw, compute, tmp_path):
    file = tmp_path / "keras.h5"
    keras_reference.write_legacy(file, draw())
    backbone = backbones.load(name, weights=str(file)).model
    model = torch_weights.from_ours(backbone).eval()
    photographs = noise(SIZE)
    *body, _ = stages(name, model).values()
    with torch.no_grad():
        features = torch.nn.Sequential(*body)(to_tensor(normalized(photographs)))
    expected = compute(file, photographs)[backbone.stages[-1]]
    assert_within(
        1e-4, torch_reference.to_numpy(features), expected, "Keras weights in torchvision's model",
        scale=expected.std(), detail=name,
    )  # fmt: skip
    torch_weights.require_same_logits(backbone, model, grey_images())  # the head, too


def test_another_model_is_refused():
    backbone = backbones.load("resnet34", weights="random").model
    model = torch_weights.from_ours(backbone)
    torch_weights.require_same_logits(backbone, model, grey_images())
    model.layer4[0].conv1.stride, model.layer4[0].conv2.stride = (1, 1), (2, 2)
    with pytest.raises(RuntimeError, match="resnet34: its copy in PyTorch"):
        torch_weights.require_same_logits(backbone, model, grey_images())
