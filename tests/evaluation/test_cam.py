"""Maps against pytorch-grad-cam, a closed form, and two other resizers."""

from functools import partial
from types import SimpleNamespace

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcbis.config import CAM_METHODS
from jaxcbis.evaluation import activation_maps, cam
from jaxcbis.evaluation.cam import METHODS, SCORE_CAM, grad_cam, upsample
from jaxcbis.models import backbones
from jaxcbis.models.model import HEAD, Model, merge, run
from tests import tiny
from tests.differences import assert_within

DILATED, POOLED = {"output_stride": 16}, {"head": "pool"}
#: Backbones, sides of images, stages, methods, and perhaps options of the model.
CASES = [
    ("resnet34", 64, None, "gradcam"), ("tiny", tiny.SIZE, "stem", "gradcam"),
    ("tiny", tiny.SIZE, "layer1", "layercam"), ("tiny_vgg", tiny.SIZE, None, "hirescam"),
    ("tiny", tiny.SIZE, None, "gradcam", DILATED), ("tiny_vgg", tiny.SIZE, None, "gradcam", POOLED),
]  # fmt: skip
ALL = [
    *CASES,
    ("vgg16", 96, None, "gradcam"), ("vgg19", 224, None, "gradcam"),
    ("resnet34", 96, None, "gradcam"), ("resnet50", 96, None, "gradcam"),
    ("resnet50", 224, None, "gradcam"), ("resnet50", 112, None, "gradcam", DILATED),
    ("vgg16", 112, None, "gradcam", POOLED),
    *(
        (name, 64, stage, method)
        for name, stage in (("vgg16", "block5"), ("vgg16", "block3"), ("resnet34", "layer2"))
        for method in METHODS
    ),
]  # fmt: skip


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        cases = ALL if metafunc.config.getoption("--full") else CASES
        metafunc.parametrize("case", cases, ids=lambda case: "-".join(map(str, case)))


def scaled(maps) -> np.ndarray:
    """Each map to 0..1 as pytorch-grad-cam does it."""
    maps = maps - maps.min((1, 2), keepdims=True)
    return maps / (1e-7 + maps.max((1, 2), keepdims=True))


def as_peer_shows(maps, size: int) -> np.ndarray:
    """pytorch-grad-cam scales before it resizes, and once more after."""
    return scaled(cam.enlarge(scaled(np.asarray(maps)), size))


@pytest.fixture(scope="module")
def peer_maps(torch_reference):
    """pytorch-grad-cam's maps, by a method of ours."""
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    peers = {
        "gradcam": pytorch_grad_cam.GradCAM,
        "gradcam++": pytorch_grad_cam.GradCAMPlusPlus,
        "hirescam": pytorch_grad_cam.HiResCAM,
        "layercam": pytorch_grad_cam.LayerCAM,
        "scorecam": pytorch_grad_cam.ScoreCAM,
    }

    def maps(model, layer, images, classes, method) -> np.ndarray:
        with peers[method](model=model, target_layers=[layer]) as peer:
            targets = [ClassifierOutputTarget(int(k)) for k in classes]
            return peer(input_tensor=torch_reference.to_torch(images), targets=targets)

    return maps


@pytest.fixture(scope="module")
def curved(torch):
    """A small network whose head has a hidden layer: its gradient differs from place to place."""
    nn = torch.nn
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 8, 3, stride=4), nn.ReLU())
    hidden, output = nn.Linear(8 * 7 * 7, 16), nn.Linear(16, 5)
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
def test_every_method_behind_a_curved_head(peer_maps, curved, method):
    images, classes = images_and_classes(6, 28)
    maps = METHODS[method](curved.head, curved.features(images), jnp.asarray(classes))
    assert maps.dtype == jnp.float32
    assert (np.asarray(maps).max((1, 2)) > 0).sum() >= 4
    theirs = peer_maps(curved.module, curved.body, images, classes, method)
    # Grad-CAM++ divides by a difference, which magnifies rounding.
    bound = 1e-2 if method == "gradcam++" else 1e-3
    assert_within(
        bound, as_peer_shows(maps, 28), theirs, f"{CAM_METHODS[method]} | pytorch-grad-cam"
    )


def test_score_cam(torch, torch_reference, peer_maps, tmp_path, monkeypatch):
    """Behind a head whose answers hang on the mask; those of a new one hardly do."""
    # Theirs puts the corners of image and map upon one another, the authors' code does not.
    upsampling = partial(torch.nn.Upsample, mode="bilinear")
    monkeypatch.setattr(torch.nn, "UpsamplingBilinear2d", upsampling)
    module = torch_reference.backbone("tiny")
    module.fc.weight.data *= 1000
    ours = torch_reference.load("tiny", module, tmp_path / "weights.safetensors")
    images, classes = images_and_classes(2, tiny.SIZE)
    told = []

    def track(items, what):
        told.append(what)
        return items

    found = activation_maps.maps(
        ours, images, track, labels=classes, method=SCORE_CAM, stage="layer1"
    )
    assert told == ["Score-CAM"]
    layer = torch_reference.stages(module)["layer1"][-1]
    theirs = peer_maps(module, layer, images, classes, SCORE_CAM)
    features = torch_reference.outputs("tiny", module, images)["layer1"]
    plain = as_peer_shows(features.mean(-1), tiny.SIZE)
    assert np.abs(plain - theirs).max() > 0.1, "the weights must matter"
    shown = as_peer_shows(found.of_labels, tiny.SIZE)
    assert_within(1e-3, shown, theirs, "Score-CAM | pytorch-grad-cam")


def test_backbones_against_pytorch_grad_cam(reference, torch_reference, peer_maps, case):
    """Of the predicted class and of another one, of grey images, through the whole model."""
    name, size, stage, method, *given = case
    module, ours = reference(name, **(given[0] if given else {}))
    images, classes = images_and_classes(2, size)
    images = images[..., :1]
    found = activation_maps.maps(ours, images, labels=classes, method=method, stage=stage)
    assert found.maps.shape[1] < size, "as coarse as the stage's output"
    # A VGG block ends in its last ReLU.
    layer = torch_reference.stages(module)[stage or ours.stages[-1]][-1]
    colour = np.repeat(images, 3, axis=-1)
    for maps, wanted in ((found.maps, found.logits.argmax(1)), (found.of_labels, classes)):
        assert maps.any()
        theirs = peer_maps(module, layer, colour, wanted, method)
        bound = 1e-2 if method == "gradcam++" else 1e-3
        what = f"{CAM_METHODS[method]} | pytorch-grad-cam"
        assert_within(bound, as_peer_shows(maps, size), theirs, what)


@pytest.mark.parametrize(("name", "options"), [("resnet50", {}), ("vgg16", POOLED)])
def test_behind_a_global_pool_grad_cam_equals_the_closed_form(name, options):
    """There the gradient is the class's head weights over h w."""
    ours = backbones.load(name, weights="random", **options).model
    rng = np.random.default_rng(0)
    kernel = np.asarray(ours.params["head"]["linear"]["kernel"], np.float64)
    features = np.maximum(rng.standard_normal((5, 7, 7, len(kernel)), dtype=np.float32), 0)
    classes = np.arange(5)
    closed = np.maximum(np.einsum("nhwc,cn->nhw", features, kernel[:, classes]), 0) / 49
    maps = np.asarray(maps_of(ours, features, classes))
    what = "Grad-CAM behind a global pool, of the maximum | closed form"
    assert_within(1e-5, maps, closed, what, scale=closed.max())
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
def test_upsample_against_torch_and_cv2(torch, side, size):
    maps = np.random.default_rng(0).random((3, side, side), dtype=np.float32)
    ours = np.asarray(upsample(jnp.asarray(maps), size))
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(maps)[:, None], size=(size, size), mode="bilinear",
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
