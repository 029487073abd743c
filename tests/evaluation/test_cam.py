"""Maps against pytorch-grad-cam, a closed form, and two other resizers."""

from functools import partial

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from pytorch_grad_cam import GradCAM, GradCAMPlusPlus, HiResCAM, LayerCAM, ScoreCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

from jaxcbis.evaluation import activation_maps
from jaxcbis.evaluation.cam import METHODS, grad_cam, upsample
from jaxcbis.models import backbones
from jaxcbis.models.model import Model, merge, run
from tests import torch_reference
from tests.differences import assert_within


def scaled(maps) -> np.ndarray:
    """Each map to 0..1 as pytorch-grad-cam does it."""
    maps = maps - maps.min((1, 2), keepdims=True)
    return maps / (1e-7 + maps.max((1, 2), keepdims=True))


def as_peer_shows(maps, size: int) -> np.ndarray:
    """pytorch-grad-cam scales before it resizes, and once more after."""
    return scaled(np.asarray(upsample(jnp.asarray(scaled(np.asarray(maps))), size)))


PEERS = {
    "gradcam": GradCAM,
    "gradcam++": GradCAMPlusPlus,
    "hirescam": HiResCAM,
    "layercam": LayerCAM,
    "scorecam": ScoreCAM,
}


def peer_maps(model, layer, images, classes, method="gradcam") -> np.ndarray:
    with PEERS[method](model=model, target_layers=[layer]) as peer:
        targets = [ClassifierOutputTarget(int(k)) for k in classes]
        return peer(input_tensor=torch_reference.to_torch(images), targets=targets)


def images_and_classes(n: int, size: int):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, size, size, 3), dtype=np.float32), np.arange(n) % 5


def test_small_network_with_a_curved_head():
    """A head with a hidden layer: its gradient differs from place to place and item to item."""
    torch.manual_seed(0)
    body = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, stride=4), torch.nn.ReLU())
    hidden, output = torch.nn.Linear(8 * 7 * 7, 16), torch.nn.Linear(16, 5)
    model = torch.nn.Sequential(body, torch.nn.Flatten(), hidden, torch.nn.Tanh(), output)
    images, classes = images_and_classes(6, 28)
    features = torch_reference.to_numpy(body(torch_reference.to_torch(images)))
    weights = [p.detach().numpy() for p in (*hidden.parameters(), *output.parameters())]

    def head(x):
        flat = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
        return jnp.tanh(flat @ weights[0].T + weights[1]) @ weights[2].T + weights[3]

    maps = grad_cam(head, jnp.asarray(features), jnp.asarray(classes))
    assert maps.dtype == jnp.float32
    assert (np.asarray(maps).max((1, 2)) > 0).sum() >= 4
    theirs = peer_maps(model, body, images, classes)
    np.testing.assert_allclose(as_peer_shows(maps, 28), theirs, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "size"),
    [("vgg16", 96), ("vgg19", 224), ("resnet34", 96), ("resnet50", 96), ("resnet50", 224)],
)
def test_backbones_against_pytorch_grad_cam(name, size, tmp_path):
    model = torch_reference.backbone(name)
    ours = torch_reference.load(name, model, tmp_path / "weights.safetensors")
    images, classes = images_and_classes(5 if size < 224 else 2, size)
    last = ours.stages[-1]
    layer = torch_reference.stages(name, model)[last][-1]  # a VGG block's last ReLU
    features = torch_reference.forward(ours, images)[last]
    maps = maps_of(ours, features, classes)
    assert (np.asarray(maps).max((1, 2)) > 0).any()
    theirs = peer_maps(model, layer, images, classes)
    assert_within(1e-3, as_peer_shows(maps, size), theirs, "Grad-CAM against pytorch-grad-cam")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("name", "stage"), [("vgg16", "block5"), ("vgg16", "block3"), ("resnet34", "layer2")]
)
def test_every_method_at_any_stage(method, name, stage, tmp_path):
    """Of the predicted class and of another one, through the whole model."""
    model = torch_reference.backbone(name)
    ours = torch_reference.load(name, model, tmp_path / "weights.safetensors")
    images, classes = images_and_classes(3, 64)
    images = images[..., :1]
    found = activation_maps.maps(
        ours, images,
        labels=classes, method=method, stage=stage,
    )  # fmt: skip
    layer = torch_reference.stages(name, model)[stage][-1]
    colour = np.repeat(images, 3, axis=-1)
    for maps, wanted in ((found.maps, found.logits.argmax(1)), (found.of_labels, classes)):
        assert maps.any()
        theirs = peer_maps(model, layer, colour, wanted, method)
        # Theirs are scaled before they are resized, too, which shows in what is added to a small
        # maximum only. Grad-CAM++ divides by a difference, which magnifies rounding.
        bound = 1e-2 if method == "gradcam++" else 1e-3
        assert_within(bound, scaled(scaled(maps)), theirs, f"{method} against pytorch-grad-cam")


def test_score_cam(tmp_path, monkeypatch):
    """Behind a head whose answers hang on the mask; theirs of a new one hardly do."""
    # Theirs puts the corners of image and map upon one another, the authors' code does not.
    monkeypatch.setattr(
        torch.nn, "UpsamplingBilinear2d", partial(torch.nn.Upsample, mode="bilinear")
    )
    name, stage = "vgg16", "block2"
    model = torch_reference.backbone(name)
    model.classifier.weight.data *= 100
    ours = torch_reference.load(name, model, tmp_path / "weights.safetensors")
    images, classes = images_and_classes(2, 32)
    found = activation_maps.maps(
        ours, images,
        labels=classes, method="scorecam", stage=stage,
    )  # fmt: skip
    layer = torch_reference.stages(name, model)[stage][-1]
    theirs = peer_maps(model, layer, images, classes, "scorecam")
    features = torch_reference.forward(ours, images)[stage]
    plain = np.asarray(upsample(jnp.asarray(features.mean(-1)), 32))
    assert np.abs(scaled(plain) - theirs).max() > 0.1, "the weights must matter"
    assert_within(1e-3, scaled(found.of_labels), theirs, "scorecam against pytorch-grad-cam")


def test_resnet50_equals_the_closed_form():
    """Behind global average pooling, the gradient is the class's head weights over h w."""
    ours = backbones.load("resnet50", weights="random").model
    rng = np.random.default_rng(0)
    features = np.maximum(rng.standard_normal((5, 7, 7, 2048), dtype=np.float32), 0)
    classes = np.arange(5)
    kernel = np.asarray(ours.params["head"]["linear"]["kernel"], np.float64)
    closed = np.maximum(np.einsum("nhwc,cn->nhw", features, kernel[:, classes]), 0) / 49
    maps = np.asarray(maps_of(ours, features, classes))
    assert_within(1e-5, maps, closed, "Grad-CAM against the closed form", scale=closed.max())


def test_a_batch_equals_its_items_one_by_one():
    ours = backbones.load("resnet50", weights="random").model
    features = np.random.default_rng(0).standard_normal((3, 7, 7, 2048), dtype=np.float32)
    together = np.asarray(maps_of(ours, features, np.array([0, 3, 3])))
    for k, label in enumerate((0, 3, 3)):
        alone = np.asarray(maps_of(ours, features[k : k + 1], np.array([label])))
        np.testing.assert_allclose(together[k : k + 1], alone, atol=1e-5 * together.max())


def test_where_nothing_speaks_for_the_class_the_map_is_zero():
    maps = grad_cam(lambda x: -x.sum((1, 2)), jnp.ones((2, 4, 4, 5)), jnp.array([1, 2]))
    assert not np.asarray(maps).any()


def test_bfloat16_features_give_float32_maps():
    maps = grad_cam(lambda x: x.mean((1, 2)), jnp.ones((1, 4, 4, 5), jnp.bfloat16), jnp.array([1]))
    assert maps.dtype == jnp.float32
    np.testing.assert_allclose(maps, np.full((1, 4, 4), 1 / 16))


@pytest.mark.parametrize(("side", "size"), [(7, 224), (14, 224), (5, 33), (14, 7)])
def test_upsample_against_torch_and_cv2(side, size):
    maps = np.random.default_rng(0).random((3, side, side), dtype=np.float32)
    ours = np.asarray(upsample(jnp.asarray(maps), size))
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(maps)[:, None], size=(size, size), mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(ours, theirs[:, 0].numpy(), atol=1e-5)
    by_cv2 = [cv2.resize(each, (size, size), interpolation=cv2.INTER_LINEAR) for each in maps]
    np.testing.assert_allclose(ours, by_cv2, atol=1e-5)


@jax.jit
def maps_of(ours: Model, features, classes) -> jax.Array:
    network = merge(ours)
    return grad_cam(lambda x: run(network, x, ("head",))[0], features, classes)
