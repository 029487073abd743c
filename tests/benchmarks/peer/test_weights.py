"""Our weights in PyTorch: torchvision's come back bit by bit, Keras' compute as Keras does."""

import numpy as np
import pytest

from jaxcbis.models import backbones
from jaxcbis.models.weights.tables import KERAS_SHIFT
from tests import tiny
from tests.differences import assert_within

REAL = [pytest.param(name, marks=pytest.mark.full) for name in ("vgg16", "resnet34", "resnet50")]
KERAS = "outputs with Keras files, relative to their deviation | float64 in PyTorch"
#: What `backbones.load` finds in a file of Keras'.
OF_KERAS = {"shift": KERAS_SHIFT, "v1": True}


@pytest.fixture
def torch_reference(peer):
    from tests import torch_reference

    return torch_reference


def grey_images(size):
    return np.random.default_rng(0).normal(size=(4, size, size, 1)).astype(np.float32)


@pytest.mark.parametrize("name", ["tiny", "tiny_vgg", *REAL])
def test_torchvision_weights_come_back_bit_by_bit(name, peer, torch_reference, tmp_path):
    reference = torch_reference.backbone(name)
    ours = torch_reference.load(name, reference, tmp_path / "weights.safetensors")
    expected, got = reference.state_dict(), peer.weights.from_ours(ours).state_dict()
    assert list(got) == list(expected)
    assert all(peer.weights.torch.equal(got[key], expected[key]) for key in expected)


def test_with_weights_of_keras_the_input_is_shifted(peer):
    drawn = backbones.load("tiny_vgg", weights="random").model
    ours = backbones.blank("tiny_vgg", {"shift": KERAS_SHIFT}).replace(drawn.params, drawn.stats)
    model = peer.weights.from_ours(ours)
    peer.weights.require_same_logits(ours, model, grey_images(tiny.SIZE))
    with pytest.raises(RuntimeError, match="tiny_vgg: its copy in PyTorch"):
        peer.weights.require_same_logits(drawn, model, grey_images(tiny.SIZE))


def test_with_weights_of_keras_strides_lie_where_keras_has_them(peer):
    model = peer.weights.from_ours(backbones.blank("resnet50", OF_KERAS))
    first = [getattr(model, f"layer{i}")[0] for i in range(1, 5)]
    assert [block.conv1.stride for block in first] == [(1, 1)] + [(2, 2)] * 3
    assert {block.conv2.stride for block in first} == {(1, 1)}
    assert isinstance(model.conv1[0], peer.weights.Shift)


@pytest.mark.full
@pytest.mark.parametrize("name", ["resnet50", "vgg16"])
def test_keras_weights_compute_as_keras_does(name, peer, torch_reference, tmp_path):
    from tests import keras_reference
    from tests.models.weights.test_keras import noise, normalized

    draw, compute = {
        "resnet50": (keras_reference.random_resnet50, keras_reference.resnet50),
        "vgg16": (
            keras_reference.random_vgg16,
            lambda file, x: keras_reference.vgg(file, (2, 2, 3, 3, 3), x),
        ),
    }[name]
    file, torch, size = tmp_path / "keras.h5", peer.weights.torch, 64
    keras_reference.write_legacy(file, draw())
    backbone = backbones.load(name, weights=str(file)).model
    model = peer.weights.from_ours(backbone).eval()
    photographs = noise(size)
    *body, _ = peer.models.stages(model).values()
    with torch.no_grad():
        features = torch.nn.Sequential(*body)(peer.models.to_tensor(normalized(photographs)))
    expected = compute(file, photographs)[backbone.stages[-1]]
    assert_within(
        1e-4, torch_reference.to_numpy(features), expected, KERAS, scale=expected.std(),
        detail=name,
    )  # fmt: skip
    peer.weights.require_same_logits(backbone, model, grey_images(size))  # the head, too


def test_another_model_is_refused(peer):
    backbone = backbones.load("tiny", weights="random").model
    model = peer.weights.from_ours(backbone)
    peer.weights.require_same_logits(backbone, model, grey_images(tiny.SIZE))
    model.layer2[0].conv1.stride, model.layer2[0].conv2.stride = (1, 1), (2, 2)
    with pytest.raises(RuntimeError, match="tiny: its copy in PyTorch"):
        peer.weights.require_same_logits(backbone, model, grey_images(tiny.SIZE))
