"""Maps against pytorch-grad-cam, a closed form, and two other resizers."""

from functools import partial
from types import SimpleNamespace

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tests.tiny
from jaxcbis.config import CAM_METHODS
from jaxcbis.evaluation import activation_maps, cam
from jaxcbis.evaluation.cam import METHODS, SCORE_CAM, grad_cam, upsample
from jaxcbis.models import backbones
from jaxcbis.models.model import HEAD, Model, merge, run
from tests.differences import assert_within

#: Backbones, sides of images, stages and methods; all but the first take --full.
CASES = [
    ("resnet34", 64, None, "gradcam"), ("vgg16", 96, None, "gradcam"),
    ("vgg19", 224, None, "gradcam"), ("resnet34", 96, None, "gradcam"),
    ("resnet50", 96, None, "gradcam"), ("resnet50", 224, None, "gradcam"),
    *(
        (name, 64, stage, method)
        for name, stage in (("vgg16", "block5"), ("vgg16", "block3"), ("resnet34", "layer2"))
        for method in METHODS
    ),
]  # fmt: skip


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        cases = CASES if metafunc.config.getoption("--full") else CASES[:1]
        metafunc.parametrize("case", cases, ids=lambda case: "-".join(map(str, case)))


def scaled(maps) -> np.ndarray:
    """Each map to 0..1 as pytorch-grad-cam does it."""
    maps = maps - maps.min((1, 2), keepdims=True)
    return maps / (1e-7 + maps.max((1, 2), keepdims=True))


def as_peer_shows(maps, size: int) -> np.ndarray:
    """pytorch-grad-cam scales before it resizes, and once more after."""
    return scaled(cam.enlarge(scaled(np.asarray(maps)), size))


@pytest.fixture(scope="module")
def reference():
    """PyTorch, torchvision's backbones, and pytorch-grad-cam's maps."""
    import pytorch_grad_cam
    import torch
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    from tests import torch_reference

    peers = {
        "gradcam": pytorch_grad_cam.GradCAM,
        "gradcam++": pytorch_grad_cam.GradCAMPlusPlus,
        "hirescam": pytorch_grad_cam.HiResCAM,
        "layercam": pytorch_grad_cam.LayerCAM,
        "scorecam": pytorch_grad_cam.ScoreCAM,
    }

    def maps(model, layer, images, classes, method="gradcam") -> np.ndarray:
        with peers[method](model=model, target_layers=[layer]) as peer:
            targets = [ClassifierOutputTarget(int(k)) for k in classes]
            return peer(input_tensor=torch_reference.to_torch(images), targets=targets)

    return SimpleNamespace(torch=torch, models=torch_reference, maps=maps)


@pytest.fixture(scope="module")
def curved(reference):
    """A small network whose head has a hidden layer: its gradient differs from place to place."""
    nn = reference.torch.nn
    reference.torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 8, 3, stride=4), nn.ReLU())
    hidden, output = nn.Linear(8 * 7 * 7, 16), nn.Linear(16, 5)
    output.weight.data *= 30  # answers hang on what a mask leaves
    module = nn.Sequential(body, nn.Flatten(), hidden, nn.Tanh(), output)
    kernel, bias = (p.detach().numpy() for p in body.parameters())
    weights = [p.detach().numpy() for p in (*hidden.parameters(), *output.parameters())]

    def head(x):
        flat = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
        return jnp.tanh(flat @ weights[0].T + weights[1]) @ weights[2].T + weights[3]

    def features(images):
        found = jax.lax.conv_general_dilated(
            images, kernel.transpose(2, 3, 1, 0), (4, 4), "VALID",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )  # fmt: skip
        return jax.nn.relu(found + bias)

    return SimpleNamespace(module=module, body=body, features=features, head=head)


def images_and_classes(n: int, size: int):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, size, size, 3), dtype=np.float32), np.arange(n) % 5


@pytest.mark.parametrize("method", METHODS)
def test_every_method_behind_a_curved_head(reference, curved, method):
    images, classes = images_and_classes(6, 28)
    maps = METHODS[method](curved.head, curved.features(images), jnp.asarray(classes))
    assert maps.dtype == jnp.float32
    assert (np.asarray(maps).max((1, 2)) > 0).sum() >= 4
    theirs = reference.maps(curved.module, curved.body, images, classes, method)
    # Grad-CAM++ divides by a difference, which magnifies rounding.
    bound = 1e-2 if method == "gradcam++" else 1e-3
    assert_within(
        bound, as_peer_shows(maps, 28), theirs, f"{CAM_METHODS[method]} against pytorch-grad-cam"
    )


def test_score_cam(reference, curved, monkeypatch):
    # Theirs puts the corners of image and map upon one another, the authors' code does not.
    nn = reference.torch.nn
    monkeypatch.setattr(nn, "UpsamplingBilinear2d", partial(nn.Upsample, mode="bilinear"))
    images, classes = images_and_classes(4, 28)
    features = curved.features(images)
    scores = cam.channel_scores(lambda x: curved.head(curved.features(x)), images, features)
    maps = cam.score_cam(features, scores, jnp.asarray(classes))
    theirs = reference.maps(curved.module, curved.body, images, classes, "scorecam")
    plain = as_peer_shows(features.mean(-1), 28)
    assert np.abs(plain - theirs).max() > 0.1, "the weights must matter"
    assert_within(1e-3, as_peer_shows(maps, 28), theirs, "Score-CAM against pytorch-grad-cam")


def test_backbones_against_pytorch_grad_cam(reference, case, tmp_path):
    """Of the predicted class and of another one, of grey images, through the whole model."""
    name, size, stage, method = case
    module = reference.models.backbone(name)
    ours = reference.models.load(name, module, tmp_path / "weights.safetensors")
    images, classes = images_and_classes(2, size)
    images = images[..., :1]
    found = activation_maps.maps(ours, images, labels=classes, method=method, stage=stage)
    # A VGG block ends in its last ReLU.
    layer = reference.models.stages(module)[stage or ours.stages[-1]][-1]
    colour = np.repeat(images, 3, axis=-1)
    for maps, wanted in ((found.maps, found.logits.argmax(1)), (found.of_labels, classes)):
        assert maps.any()
        theirs = reference.maps(module, layer, colour, wanted, method)
        bound = 1e-2 if method == "gradcam++" else 1e-3
        what = f"{CAM_METHODS[method]} against pytorch-grad-cam"
        assert_within(bound, as_peer_shows(maps, size), theirs, what)


@pytest.mark.parametrize(
    ("stage", "method"),
    [("stem", "gradcam"), ("layer1", "layercam"), (None, "hirescam"), (None, SCORE_CAM)],
)
def test_a_model_is_cut_behind_the_stage(stage, method):
    ours = backbones.load("tiny", weights="random").model
    images, classes = images_and_classes(2, tests.tiny.SIZE)
    found = activation_maps.maps(ours, images, labels=classes, method=method, stage=stage)
    at = ours.stages.index(stage or ours.stages[-1]) + 1

    @jax.jit
    def whole(images):
        network = merge(ours)
        features = run(network, images, ours.stages[:at])[0]

        def head(x):
            return run(network, x, (*ours.stages[at:], HEAD))[0]

        if method != SCORE_CAM:
            return head(features), METHODS[method](head, features, classes)
        scores = cam.channel_scores(
            lambda x: run(network, x, (*ours.stages, HEAD))[0], images, features
        )
        return head(features), cam.score_cam(features, scores, jnp.asarray(classes))

    logits, expected = whole(images)
    np.testing.assert_allclose(found.logits, logits, atol=1e-5)
    assert found.of_labels.shape == expected.shape
    np.testing.assert_allclose(found.of_labels, expected, atol=1e-4 * np.asarray(expected).max())
    told = found.logits.argmax(1) == classes
    np.testing.assert_array_equal(found.maps[told], found.of_labels[told])


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
    # A batch is its items one by one.
    alone = np.asarray(maps_of(ours, features[3:4], classes[3:4]))
    np.testing.assert_allclose(maps[3:4], alone, atol=1e-5 * maps.max())


def test_where_nothing_speaks_for_the_class_the_map_is_zero():
    maps = grad_cam(lambda x: -x.sum((1, 2)), jnp.ones((2, 4, 4, 5)), jnp.array([1, 2]))
    assert not np.asarray(maps).any()


def test_bfloat16_features_give_float32_maps():
    maps = grad_cam(lambda x: x.mean((1, 2)), jnp.ones((1, 4, 4, 5), jnp.bfloat16), jnp.array([1]))
    assert maps.dtype == jnp.float32
    np.testing.assert_allclose(maps, np.full((1, 4, 4), 1 / 16))


@pytest.mark.parametrize(("side", "size"), [(7, 224), (14, 224), (5, 33), (14, 7)])
def test_upsample_against_torch_and_cv2(reference, side, size):
    maps = np.random.default_rng(0).random((3, side, side), dtype=np.float32)
    ours = np.asarray(upsample(jnp.asarray(maps), size))
    theirs = reference.torch.nn.functional.interpolate(
        reference.torch.from_numpy(maps)[:, None], size=(size, size), mode="bilinear",
        align_corners=False,
    )  # fmt: skip
    np.testing.assert_allclose(ours, theirs[:, 0].numpy(), atol=1e-5)
    by_cv2 = [cv2.resize(each, (size, size), interpolation=cv2.INTER_LINEAR) for each in maps]
    np.testing.assert_allclose(ours, by_cv2, atol=1e-5)
    np.testing.assert_array_equal(cam.enlarge(maps, size), ours)
    assert cam.enlarge(maps, side) is maps


@jax.jit
def maps_of(ours: Model, features, classes) -> jax.Array:
    network = merge(ours)
    return grad_cam(lambda x: run(network, x, (HEAD,))[0], features, classes)
