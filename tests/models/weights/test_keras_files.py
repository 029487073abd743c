"""The layouts of Keras' files, as Keras 1 to 3 write them, read to the same arrays."""

import io
import zipfile

import h5py
import numpy as np
import pytest

import tests.tiny  # noqa: F401 - registers its backbones
from jaxcbis.designs import ResNetDesign
from jaxcbis.errors import UserError
from jaxcbis.models import backbones
from jaxcbis.models.weights import keras, tables

LAYERS = ("block1_conv1", "block2_conv1")
RNG = np.random.default_rng(0)
KERNELS = [RNG.normal(0, 0.2, (3, 3, n, 8)).astype(np.float32) for n in (3, 8)]
BIASES = [RNG.normal(0, 0.2, 8).astype(np.float32) for _ in range(2)]


def vgg(name):
    """The arrays of `tiny_vgg` where `name` of (layer, number of the layer, kind) says."""
    found = {}
    for number, layer in enumerate(LAYERS):
        found[name(layer, number, "kernel")] = KERNELS[number]
        found[name(layer, number, "bias")] = BIASES[number]
    return found


def numbered(prefix, *, given):
    """Keras 3: the class of a layer and its number, and the name as an attribute if given."""

    def name(layer, number, kind):
        place = f"{prefix}/conv2d{f'_{number}' if number else ''}/vars"
        return f"{place}/{int(kind == 'bias')}", (layer if given else None)

    return name


ADAM = {"block1_conv1/kernel/m:0": KERNELS[0]}
LAYOUTS = {
    "save_weights": vgg(lambda layer, _, kind: f"{layer}/{layer}/{kind}:0"),
    "first": vgg(lambda layer, _, kind: f"{layer}/{layer}_{kind[0].replace('k', 'W')}_1:0"),
    "model.save": vgg(lambda layer, _, kind: f"model_weights/{layer}/{layer}/{kind}:0")
    | {f"optimizer_weights/Adam/{name}": array for name, array in ADAM.items()},
    "nested": vgg(lambda layer, _, kind: f"model_weights/vgg16/{layer}/{kind}:0"),
    "nested weights": vgg(lambda layer, _, kind: f"vgg16/{layer}/{kind}:0"),
    "made twice": vgg(lambda layer, _, kind: f"{layer}/{layer}_1/{kind}:0"),
    "in a scope": vgg(lambda layer, _, kind: f"{layer}/vgg16/{layer}/{kind}:0"),
    "Keras 3 as .h5": vgg(lambda layer, _, kind: f"model_weights/{layer}/{layer}/{kind}"),
    "Keras 3": vgg(numbered("layers", given=True)),
    "Keras 3, nested": vgg(numbered("layers/functional/layers", given=True)),
    "Keras 3, first": vgg(numbered("layers", given=False)),
    "Keras 2.12": vgg(numbered("_layer_checkpoint_dependencies", given=False)),
    "on Windows": {
        (name[0].replace("layers/", "layers\\"), name[1]): array
        for name, array in vgg(numbered("layers", given=False)).items()
    },
}
HEADS = {
    "save_weights": {"predictions/predictions/kernel:0": np.ones((4, 4), np.float32)},
    "Keras 3": {("layers/dense/vars/0", "mine"): np.ones((4, 4), np.float32)},
    "Keras 3, first": {("optimizer/vars/0", None): np.ones((4, 4), np.float32)},
}


def write(file, arrays):
    with h5py.File(file, "w") as root:
        for name, array in arrays.items():
            path, layer = name if isinstance(name, tuple) else (name, None)
            item = root.create_dataset(path, data=array)
            if layer:
                item.parent.attrs["name"] = layer


@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout(tmp_path, layout, archive):
    file = tmp_path / "weights"
    arrays = LAYOUTS[layout] | HEADS.get(layout, {})
    if archive:
        write(content := io.BytesIO(), arrays)
        with zipfile.ZipFile(file, "w") as packed:
            packed.writestr("config.json", "{}")
            packed.writestr("model.weights.h5", content.getvalue())
    else:
        write(file, arrays)
    model, source, notes = backbones.load("tiny_vgg", weights=str(file))
    assert source["format"] == ("keras-archive" if archive else "keras-h5")
    np.testing.assert_array_equal(model.params["block2"]["conv1"]["kernel"], KERNELS[1])
    for number in (0, 1):
        bias = model.params[f"block{number + 1}"]["conv1"]["bias"]
        np.testing.assert_array_equal(bias, BIASES[number])
    of_0_to_255 = 255 * np.array([0.229, 0.224, 0.225])
    first = (KERNELS[0][:, :, ::-1] * of_0_to_255[:, None]).astype(np.float32)
    np.testing.assert_array_equal(model.params["block1"]["conv1"]["kernel"], first)
    assert model.architecture.options["shift"] == tables.KERAS_SHIFT
    told = [note for note in notes if "left out" in note]
    assert len(told) == (HEADS.get(layout, {}).keys() == {("layers/dense/vars/0", "mine")})


def test_layers_of_a_larger_model_are_not_passed_over(tmp_path):
    """What would make a VGG19 into a VGG16 unseen."""
    extra = {"block2_conv2/block2_conv2/kernel:0": np.ones((3, 3, 8, 8), np.float32)}
    write(tmp_path / "w.h5", LAYOUTS["save_weights"] | extra)
    with pytest.raises(UserError, match=r"unexpected \(1\): block2_conv2/kernel"):
        backbones.load("tiny_vgg", weights=str(tmp_path / "w.h5"))


def test_numbered_arrays_of_a_layer_have_kinds(tmp_path):
    arrays = {(f"layers/batch_normalization_2/vars/{i}", None): np.full(1, i) for i in range(4)}
    write(tmp_path / "w.h5", arrays | {("layers/gru/vars/1", "mine"): np.full(1, 9)})
    found = {name: int(array[0]) for name, array in keras.load(tmp_path / "w.h5").items()}
    layer = "layers/batch_normalization_2"
    assert found == {
        f"{layer}/gamma": 0, f"{layer}/beta": 1, f"{layer}/moving_mean": 2,
        f"{layer}/moving_variance": 3, "layers/mine/1": 9,
    }  # fmt: skip


def test_a_numbered_resnet_has_its_shortcut_before_its_last_convolution():
    """The order of `keras.applications.ResNet50().layers`, Keras 3.15."""
    design = ResNetDesign((1, 2), convolutions=3, widths=(4, 8), stem=4)
    usual, _, numbers = tables.namings(design, "keras-h5")
    names = {
        before.split("/")[0]: after.split("/")[0]
        for one, other in zip(usual, numbers, strict=True)
        for before, after in zip(one.sources, other.sources, strict=True)
    }
    convolutions = [
        "conv1_conv", "conv2_block1_1_conv", "conv2_block1_2_conv", "conv2_block1_0_conv",
        "conv2_block1_3_conv", "conv3_block1_1_conv", "conv3_block1_2_conv", "conv3_block1_0_conv",
        "conv3_block1_3_conv", "conv3_block2_1_conv", "conv3_block2_2_conv", "conv3_block2_3_conv",
    ]  # fmt: skip
    assert len(names) == 2 * len(convolutions)
    for number, layer in enumerate(convolutions):
        end = f"_{number}" if number else ""
        assert names[layer] == f"conv2d{end}"
        assert names[layer.removesuffix("conv") + "bn"] == f"batch_normalization{end}"


@pytest.mark.parametrize("shape", [(10**13,), (2**28, 2**10)])
def test_a_small_file_that_would_fill_memory(tmp_path, shape):
    with h5py.File(tmp_path / "w.h5", "w") as root:
        root.create_dataset("block1_conv1/block1_conv1/kernel:0", shape, "f4", chunks=True)
    with pytest.raises(UserError, match=r"more than 4\.3e\+09 bytes"):
        backbones.load("tiny_vgg", weights=str(tmp_path / "w.h5"))
