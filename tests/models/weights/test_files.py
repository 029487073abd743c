"""Weights files that cannot be read or do not fit: one line that says everything."""

import tarfile
import zipfile

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file, save, save_file

from jaxcbis.designs import BACKBONES
from jaxcbis.errors import UserError
from jaxcbis.models import backbones
from jaxcbis.models.weights import files, kinds, tables
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
    assert "these look like weights of tiny: give --backbone tiny or another file" in message
    assert "conv1.weight gives (7, 7, 3, 8), expected (7, 7, 3, 64)" in message
    assert "features.0.weight" in refusal("tiny_vgg", whole)


@pytest.mark.parametrize("asked", ["vgg19", "resnet34"])
@pytest.mark.parametrize("form", [kinds.TORCH, kinds.KERAS_HDF5])
@pytest.mark.parametrize(
    ("brought", "design"), [*tables.KIN.items(), ("resnet50", BACKBONES["resnet50"])]
)
def test_a_misfit_is_short_and_says_whose_weights_these_look_like(asked, form, brought, design):
    namings = tables.namings(design, form)
    if not namings or not tables.namings(BACKBONES[asked], form):
        return  # no such file
    empty = np.zeros(0, np.float32)
    arrays = {source: empty for row in namings[0] for source in row.sources}
    given = files.find(arrays, asked, {"format": form, "source": "brought.x"})
    with pytest.raises(UserError) as raised:
        files.fill(given, dict.fromkeys((row.target for row in given.found.rows), (1,)))
    said = str(raised.value)
    assert f"these look like weights of {brought}" in said
    assert ("no backbone here" in said) == (brought in tables.KIN)
    assert len(said) < 900


@pytest.mark.parametrize("name", ["vgg16", "vgg19", "vgg11"])
@pytest.mark.parametrize("prefix", ["features.", "module.features."])
def test_a_vgg_with_batch_norm_is_told_with_the_nearest_backbone(name, prefix, torch):
    """In torchvision's order: convolution, BatchNorm, ReLU, and a max-pool behind each block."""
    layers, channels = [], 3
    for depth in (tables.KIN | BACKBONES)[name].depths:
        for _ in range(depth):
            layers += [torch.nn.Conv2d(channels, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU()]
            channels = 4
        layers.append(torch.nn.MaxPool2d(2))
    state = torch.nn.Sequential(*layers).state_dict()
    arrays = {f"{prefix}{key}": np.asarray(value) for key, value in state.items()}
    given = files.find(arrays, "vgg16", {"format": kinds.TORCH, "source": "brought.pth"})
    with pytest.raises(UserError, match=f"look like weights of {name}_bn, which is no") as raised:
        files.fill(given, dict.fromkeys((row.target for row in given.found.rows), (1,)))
    nearest = f"{name}, the same without BatchNorm, is the nearest; give a file of that"
    assert (nearest in str(raised.value)) == (name in BACKBONES)


def test_a_misfit_names_three_of_each_kind_and_counts_the_rest(whole, tmp_path):
    arrays = {k: v for k, v in load_file(whole).items() if not k.startswith("layer2.0.bn")}
    arrays |= {f"layer3.{i}.bn1.weight": np.ones(3, np.float32) for i in range(5)}
    save_file(arrays, tmp_path / "bad.safetensors")
    message = refusal("tiny", tmp_path / "bad.safetensors")
    missing = "layer2.0.bn1.weight, layer2.0.bn1.bias, layer2.0.bn1.running_mean, .."
    assert f"missing (8): {missing};" in message
    assert message.count("layer3.") == 3
    assert "unexpected (5): " in message
    assert "look like" not in message


@pytest.mark.parametrize("name", ["Weights.PT", "weights.bin", "checkpoint.pth.tar", "w"])
def test_the_content_says_what_a_file_is(whole, tmp_path, name):
    (tmp_path / name).write_bytes(whole.read_bytes())
    loaded = backbones.load("tiny", weights=str(tmp_path / name))
    assert loaded.source["format"] == "torchvision-safetensors"
    assert not loaded.notes


def renamed(whole, file, rename, **others):
    """The loaded stem of a file whose arrays have other names, and the notes."""
    arrays = {rename(name): array for name, array in load_file(whole).items()}
    save_file(arrays | others, file)
    return backbones.load("tiny", weights=str(file))


@pytest.mark.parametrize(
    "prefix",
    ["module.", "model.", "backbone.", "encoder.", "net.", "module.encoder_q.", "model.resnet."],
)
def test_a_prefix_of_all_names_is_taken_off(whole, tmp_path, prefix):
    model, _, notes = renamed(whole, tmp_path / "w", lambda name: prefix + name)
    kernel = model.params["layer2"]["block0"]["conv2"]["kernel"]
    expected = load_file(whole)["layer2.0.conv2.weight"]
    np.testing.assert_array_equal(kernel, expected.transpose(2, 3, 1, 0))
    assert not notes


def test_what_lies_beside_the_backbone_is_left_out_and_told(whole, tmp_path):
    one = np.ones((1, 1, 1, 1), np.float32)
    others = {"decoder.conv1.weight": one, "segmentation.0.weight": one, "fc.bias": one}
    notes = renamed(whole, tmp_path / "w", lambda name: f"encoder.{name}", **others).notes
    told = "2 arrays beside the backbone were left out (decoder.conv1.weight, segmentation.0.weight"
    assert len(notes) == 1
    assert told in notes[0]
    del others["segmentation.0.weight"]
    (note,) = renamed(whole, tmp_path / "w", lambda name: f"encoder.{name}", **others).notes
    assert note.endswith("1 array beside the backbone was left out (decoder.conv1.weight)")


def test_two_backbones_in_one_file(whole, tmp_path):
    """A module that hangs in a model twice is saved twice; two that differ leave no choice."""
    twice = {f"b.{name}": array for name, array in load_file(whole).items()}
    loaded = renamed(whole, tmp_path / "w", lambda name: f"a.{name}", **twice)
    assert loaded.model.stages == ("stem", "layer1", "layer2")
    twice["b.bn1.bias"] = twice["b.bn1.bias"] + 1
    with pytest.raises(UserError, match="more than one tiny, under 'a' and 'b', and they differ"):
        renamed(whole, tmp_path / "w", lambda name: f"a.{name}", **twice)


@pytest.mark.parametrize(
    ("trained", "averaged"),
    [
        ("module.encoder_q.", "module.encoder_k."),
        ("state_dict.", "state_dict_ema."),
        ("online_encoder.", "target_encoder."),
        ("backbone.", "backbone_momentum."),
        ("student.module.", "teacher.module."),
        ("model.", "ema_model."),
    ],
)
def test_of_a_network_and_its_running_average_the_network_is_taken(
    whole, tmp_path, trained, averaged
):
    """As MoCo, BYOL, DINO and timm save them."""
    average = {f"{averaged}{name}": array + 1 for name, array in load_file(whole).items()}
    arrays = {f"{trained}{name}": array for name, array in load_file(whole).items()}
    save_file(average | arrays, tmp_path / "w")
    loaded = backbones.load("tiny", weights=str(tmp_path / "w"))
    np.testing.assert_array_equal(
        loaded.model.params["stem"]["bn"]["bias"], load_file(whole)["bn1.bias"]
    )
    said = f"those under {trained[:-1]!r} are taken, not their running average under"
    (note,) = loaded.notes
    assert f"{said} {averaged[:-1]!r}" in note


@pytest.mark.parametrize("extra", ["layer1.0.se.fc.0.weight", "layer2.0.head.weight"])
def test_a_part_inside_a_layer_is_no_classifier(whole, tmp_path, extra):
    """A squeeze-and-excitation ResNet is not a ResNet."""
    save_file(load_file(whole) | {extra: np.ones(3, np.float32)}, tmp_path / "w")
    assert f"unexpected (1): {extra}" in refusal("tiny", tmp_path / "w")


def test_a_header_of_safetensors_that_begins_as_a_zip(whole, tmp_path):
    """Its length comes first: 0x4B50 are the letters PK."""
    content = save(load_file(whole))
    header = content[8 : 8 + int.from_bytes(content[:8], "little")]
    (tmp_path / "w").write_bytes(
        (0x4B50).to_bytes(8, "little") + header.ljust(0x4B50) + content[8 + len(header) :]
    )
    assert (tmp_path / "w").read_bytes().startswith(b"PK")
    assert backbones.load("tiny", weights=str(tmp_path / "w")).notes == []


def test_names_in_a_file_do_not_spoil_the_message(whole, tmp_path):
    odd = {f"layer1.{'x' * 10**4}": np.ones(3, np.float32), "layer1.\x1b[31m": np.ones(3)}
    save_file(load_file(whole) | odd, tmp_path / "w")
    message = refusal("tiny", tmp_path / "w")
    assert message.isprintable()
    assert len(message) < 900


def test_numbered_children_are_the_modules_that_they_were(whole, tmp_path):
    """As RadImageNet's files and `nn.Sequential(*model.children())` have them."""
    numbers = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "fc": "9"}

    def rename(name):
        child, _, rest = name.partition(".")
        return f"backbone.{numbers[child]}.{rest}"

    arrays = load_file(whole)
    del arrays["fc.weight"]
    save_file(arrays, tmp_path / "plain")
    loaded = renamed(tmp_path / "plain", tmp_path / "w", rename)
    expected = backbones.load("tiny", weights=str(whole)).model
    for ours, theirs in (
        (loaded.model.params, expected.params),
        (loaded.model.stats, expected.stats),
    ):
        assert jax.tree.all(jax.tree.map(np.array_equal, ours, theirs))


def test_a_vgg_is_known_by_its_features_alone(tmp_path):
    whole = weights_file.arrays("tiny_vgg")
    arrays = {k.removeprefix("features."): v for k, v in whole.items() if k.startswith("features")}
    save_file(arrays, tmp_path / "w")
    loaded = backbones.load("tiny_vgg", weights=str(tmp_path / "w"))
    kernel = whole["features.3.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(loaded.model.params["block2"]["conv1"]["kernel"], kernel)


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


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"not a weights file", "is none of safetensors, torch's .pth, or Keras' .h5 and .keras"),
        (b"version https://git-lfs.github.com/spec/v1\n", "run git lfs pull"),
        (b"\n<!DOCTYPE html><title>Quota exceeded", "is a web page"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x93NUMPY\x01", "NumPy"),
        (b"PK\x03\x04 and no more", "truncated"),
        (b"\x89HDF\r\n\x1a\n and no more", "cannot be read as keras-h5"),
        (b"\x80\x02K\x01.", "is a pickle, but not torch's"),
        (b"BZh9", "bzip2"),
        (b"\x10\0\0\0\0\0\0\0{ and no more, not", "cannot be read as torchvision-safetensors"),
    ],
)
def test_files_of_other_kinds_are_told_by_what_they_are(tmp_path, content, said):
    (tmp_path / "w.pth").write_bytes(content)
    assert said in refusal("vgg16", tmp_path / "w.pth")


def test_archives_and_folders(tmp_path):
    assert "does not exist" in refusal("vgg16", tmp_path / "weights.onnx")
    (tmp_path / "saved_model").mkdir()
    assert "is a folder; give a file" in refusal("vgg16", tmp_path / "saved_model")
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        for name in ("vgg16.pth", "readme.txt"):
            archive.writestr(name, b"")
    assert "is an archive of vgg16.pth, readme.txt" in refusal("vgg16", tmp_path / "archive.zip")
    with tarfile.open(tmp_path / "model.tar", "w") as archive:
        archive.add(tmp_path / "archive.zip", "w")
    assert "is an archive of w; unpack it" in refusal("vgg16", tmp_path / "model.tar")
    np.savez(tmp_path / "arrays.npz", w=np.ones(3))
    assert "is NumPy's" in refusal("vgg16", tmp_path / "arrays.npz")


def test_truncated_safetensors(whole, tmp_path):
    file = tmp_path / "short.safetensors"
    file.write_bytes(whole.read_bytes()[:-1000])
    assert "cannot be read as torchvision-safetensors" in refusal("tiny", file)


@pytest.mark.parametrize(
    ("name", "form", "namings"),
    [(name, kinds.TORCH, 2) for name in STUDIED]
    + [("vgg16", kinds.KERAS_HDF5, 2), ("vgg19", kinds.KERAS_ARCHIVE, 2)]
    + [("resnet50", kinds.KERAS_HDF5, 3), ("resnet34", kinds.KERAS_HDF5, 0)],
)
def test_tables_fill_each_target_once_from_each_source_once(name, form, namings):
    found = tables.namings(BACKBONES[name], form)
    assert len(found) == namings
    model = backbones.blank(name, {})
    for rows in found:
        assert {row.target.split("/")[0] for row in rows} == set(model.stages)
        targets = [row.target for row in rows]
        sources = [source for row in rows for source in row.sources]
        assert len(set(targets)) == len(targets)
        assert len(set(sources)) == len(sources)
