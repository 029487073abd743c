"""Weights files that cannot be read or do not fit: one line that says everything."""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from jaxcbis.errors import UserError
from jaxcbis.models import backbones
from jaxcbis.models.weights import tables
from tests import weights_file

STUDIED = ("vgg16", "vgg19", "resnet34", "resnet50")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Weights of `tiny` with torchvision's names."""
    file = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_file(weights_file.arrays("tiny"), file)
    return file


def refusal(name, file) -> str:
    with pytest.raises(UserError) as raised:
        backbones.load(name, weights=str(file))
    assert "\n" not in str(raised.value)
    assert str(file) in str(raised.value)
    return str(raised.value)


def test_all_misfits_are_listed_together(whole, tmp_path):
    arrays = load_file(whole)
    del arrays["layer1.0.conv1.weight"]
    arrays["layer9.weight"] = np.ones(3, np.float32)
    arrays["bn1.weight"] = np.ones(7, np.float32)
    arrays["conv1.weight"] = np.ones(8, np.float32)
    arrays["layer2.0.bn1.bias"][5] = np.nan
    arrays["layer2.0.bn1.weight"] = np.ones(16, np.int32)
    save_file(arrays, tmp_path / "bad.safetensors")
    message = refusal("tiny", tmp_path / "bad.safetensors")
    assert "do not fit tiny" in message
    assert "missing (1): layer1.0.conv1.weight" in message
    assert "unexpected (1): layer9.weight" in message
    assert "wrong shape (2):" in message
    assert "bn1.weight gives (7,), expected (8,)" in message
    assert "conv1.weight gives (8,), expected (7, 7, 3, 8)" in message
    assert "not finite numbers (2): layer2.0.bn1.weight, layer2.0.bn1.bias" in message


def test_weights_of_another_model(whole):
    message = refusal("resnet50", whole)
    assert "do not fit resnet50" in message
    assert "layer1.0.conv3.weight" in message.split("missing")[1]
    assert "layer1.0.conv1.weight gives (3, 3, 8, 8), expected (1, 1, 64, 64)" in message
    assert "features.0.weight" in refusal("tiny_vgg", whole)


@pytest.mark.parametrize("classifier", ["fc.weight", "head.fc.weight", "pre_logits.fc1.bias"])
def test_classifiers_of_torchvision_and_timm_are_replaced(whole, tmp_path, classifier):
    arrays = {k: v for k, v in load_file(whole).items() if not k.startswith("fc.")}
    arrays[classifier] = np.ones(1000, np.float32)
    save_file(arrays, tmp_path / "timm.safetensors")
    loaded = backbones.load("tiny", weights=str(tmp_path / "timm.safetensors"), seed=3).model
    fresh = backbones.load("tiny", weights="random", seed=3).model
    kernels = [b.params["head"]["linear"]["kernel"] for b in (loaded, fresh)]
    np.testing.assert_array_equal(*kernels)


def test_half_precision_file_becomes_float32(whole, tmp_path):
    half = {k: v.astype(np.float16) for k, v in load_file(whole).items()}
    save_file(half, tmp_path / "half.safetensors")
    loaded = backbones.load("tiny", weights=str(tmp_path / "half.safetensors")).model
    kernel = loaded.params["stem"]["conv"]["kernel"]
    assert kernel.dtype == np.float32
    np.testing.assert_array_equal(kernel, half["conv1.weight"].transpose(2, 3, 1, 0))


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".h5"])
def test_unreadable_files(tmp_path, suffix):
    file = tmp_path / f"weights{suffix}"
    assert "does not exist" in refusal("vgg16", file)
    for content in (b"", b"not a weights file"):
        file.write_bytes(content)
        assert "fetch it again" in refusal("vgg16", file)


def test_truncated_safetensors(whole, tmp_path):
    file = tmp_path / "short.safetensors"
    file.write_bytes(whole.read_bytes()[:-1000])
    assert "cannot be read as torchvision-safetensors" in refusal("tiny", file)


def test_unknown_kind_of_file(tmp_path):
    message = refusal("vgg16", tmp_path / "weights.onnx")
    assert "ending in .safetensors, .pth, .h5, got '.onnx'" in message


@pytest.mark.parametrize(
    ("name", "form", "names"),
    [(name, "torchvision-pth", ()) for name in STUDIED]
    + [(name, "keras-h5", ()) for name in ("vgg16", "vgg19", "resnet50")]
    + [("resnet50", "keras-h5", ("bn_conv1/gamma",))],
)
def test_tables_fill_each_target_once_from_each_source_once(name, form, names):
    rows, _ = tables.table(name, form, names)
    model = backbones.blank(name, {})
    assert {row.target.split("/")[0] for row in rows} == set(model.stages)
    targets = [row.target for row in rows]
    sources = [source for row in rows for source in row.sources]
    assert len(set(targets)) == len(targets)
    assert len(set(sources)) == len(sources)
