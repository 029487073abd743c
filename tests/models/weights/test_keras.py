"""Keras-applications files: every stage against torch on the raw arrays, and real photographs."""

import functools

import cv2
import h5py
import jax
import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from jaxcbis.errors import UserError
from jaxcbis.models import backbones
from tests.differences import assert_within

MEAN = np.array([0.485, 0.456, 0.406])
STD = np.array([0.229, 0.224, 0.225])
#: ImageNet's classes of photographs that scikit-learn and scikit-image ship.
PHOTOGRAPHS = {"china": 698, "chelsea": 285, "coffee": 967, "camera": 872}


@pytest.fixture(scope="module")
def keras_reference(torch):
    """The module of that name, which imports PyTorch."""
    from tests import keras_reference

    return keras_reference


def normalized(photographs: np.ndarray) -> np.ndarray:
    return ((photographs / 255 - MEAN) / STD).astype(np.float32)


def noise(size: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype(np.float32)


#: Row of docs/correctness.md and its bound.
FILES = "outputs with Keras files, relative to their deviation | float64 in PyTorch", 1e-4
#: Some of its variances are as small as 1e-6.
RESNET50 = (
    "stages of ResNet50 with its real Keras file, relative to their deviation | "
    "float64 in PyTorch (its float32 is 1e-4 off, too)",
    5e-4,
)


def assert_stages_equal(got, expected, row=FILES):
    what, bound = row
    for stage, output in expected.items():
        assert_within(bound, got[stage], output, what, scale=output.std(), detail=stage)


def with_own_classifier(file, keras_reference):
    """Our ResNet50 from a Keras file, with that file's classifier of 1000 ImageNet classes."""
    ours = backbones.load("resnet50", weights=str(file), num_classes=1000).model
    arrays = keras_reference.read(file)
    kernel, bias = (arrays[f"fc1000_{kind}_1:0"].float().numpy() for kind in "Wb")
    linear = {"kernel": kernel, "bias": bias}
    return ours.replace(ours.params | {"head": {"linear": linear}}, ours.stats)


def test_random_resnet50_in_both_namings(keras_reference, torch_reference, tmp_path):
    arrays = keras_reference.random_resnet50()
    legacy, current = tmp_path / "legacy.h5", tmp_path / "current.h5"
    keras_reference.write_legacy(legacy, arrays)
    keras_reference.write_current(current, arrays)
    ours = with_own_classifier(legacy, keras_reference)
    photographs = noise(64)
    expected = keras_reference.resnet50(legacy, photographs)
    assert_stages_equal(torch_reference.forward(ours, normalized(photographs)), expected)
    renamed = backbones.load("resnet50", weights=str(current), num_classes=1000).model
    for stage in ours.stages:
        assert jax.tree.all(jax.tree.map(np.array_equal, renamed.params[stage], ours.params[stage]))
        assert jax.tree.all(jax.tree.map(np.array_equal, renamed.stats[stage], ours.stats[stage]))


def test_random_vgg16(keras_reference, torch_reference, tmp_path):
    keras_reference.write_legacy(tmp_path / "vgg16.h5", keras_reference.random_vgg16())
    ours = backbones.load("vgg16", weights=str(tmp_path / "vgg16.h5")).model
    photographs = noise(64)
    expected = keras_reference.vgg(tmp_path / "vgg16.h5", (2, 2, 3, 3, 3), photographs)
    assert_stages_equal(torch_reference.forward(ours, normalized(photographs)), expected)


def test_keras_has_no_resnet34(tmp_path):
    with h5py.File(tmp_path / "some.h5", "w"):
        pass
    with pytest.raises(UserError, match="resnet34: Keras applications have vgg16"):
        backbones.load("resnet34", weights=str(tmp_path / "some.h5"))


@functools.cache
def photograph(name: str) -> np.ndarray:
    """The central 224 x 224 of a photograph whose shorter side is 256; RGB, 0..255."""
    if name == "china":
        image = load_sample_image("china.jpg")
    else:
        data = pytest.importorskip("skimage.data", reason="scikit-image ships this photograph")
        image = getattr(data, name)()
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, -1)
    height, width = image.shape[:2]
    scale = 256 / min(height, width)
    image = cv2.resize(
        image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA
    )
    top, left = (image.shape[0] - 224) // 2, (image.shape[1] - 224) // 2
    return image[top : top + 224, left : left + 224].astype(np.float32)


def test_real_vgg19_stages(keras_weights, keras_reference, torch_reference):
    file = keras_weights / "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
    photographs = photograph("china")[None, 64:160, 64:160]
    expected = keras_reference.vgg(file, (2, 2, 4, 4, 4), photographs)
    ours = backbones.load("vgg19", weights=str(file)).model
    assert_stages_equal(torch_reference.forward(ours, normalized(photographs)), expected)


@pytest.fixture(scope="module")
def real_resnet50(keras_weights, keras_reference):
    """A file, and our ResNet50 with its weights and its classifier."""
    file = keras_weights / "resnet50_weights_tf_dim_ordering_tf_kernels.h5"
    return file, with_own_classifier(file, keras_reference)


def test_real_resnet50_stages(real_resnet50, keras_reference, torch_reference):
    file, ours = real_resnet50
    photographs = photograph("china")[None]
    got = torch_reference.forward(ours, normalized(photographs))
    expected = keras_reference.resnet50(file, photographs)
    assert_stages_equal(got, expected, RESNET50)
    assert_stages_equal(got, {"head": expected["head"]})


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_real_resnet50_knows_photographs(real_resnet50, torch_reference, name):
    images = normalized(photograph(name)[None])
    logits = torch_reference.forward(real_resnet50[1], images)["head"][0]
    assert logits.argmax() == PHOTOGRAPHS[name]
