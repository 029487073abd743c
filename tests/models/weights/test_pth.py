"""The reader of torch's files against torch.save, and its refusal of everything but tensors."""

import argparse
import collections
import io
import os
import pickle
import pickletools
import re
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from jaxcbis.errors import UserError
from jaxcbis.models.weights import pth, torch_files, unpickling

MAGIC, VERSION = torch_files.MAGIC, 1001


@pytest.fixture
def file(tmp_path):
    return tmp_path / "weights.pth"


@pytest.fixture(params=["zip", "legacy"])
def save(file, torch, request):
    """Saves to `file` in torch's format, and in that of before 1.6."""

    def save(what, **options):
        torch.save(what, file, _use_new_zipfile_serialization=request.param == "zip", **options)

    return save


def test_reads_what_torch_wrote(file, torch, save):
    base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    state = OrderedDict(
        float=base,
        transposed=base.permute(2, 0, 1),
        shared=base[:, 1:, ::2],
        scalar=torch.tensor(7),
        empty=torch.zeros(0, 3),
        half=torch.tensor([0.5, 1.5], dtype=torch.float16),
        double=torch.tensor([1e300], dtype=torch.float64),
        bfloat=torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
        flags=torch.tensor([True, False]),
    )
    save(state)
    arrays = pth.load(file)
    assert list(arrays) == list(state)
    for name, tensor in state.items():
        expected = tensor.float().numpy() if name == "bfloat" else tensor.numpy()
        np.testing.assert_array_equal(arrays[name].astype(expected.dtype), expected)
        assert arrays[name].shape == expected.shape
        assert str(tensor.dtype) == f"torch.{arrays[name].dtype}"


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_parameters_are_tensors(file, torch, save, protocol):
    """As torchvision's ResNets hold them; some carry attributes of their own."""
    module = torch.nn.Conv2d(3, 4, 3)
    marked = torch.nn.Parameter(torch.ones(2))
    marked.mark = "mine"
    state = OrderedDict(module.named_parameters()) | {"marked": marked}
    save(state, pickle_protocol=protocol)
    arrays = pth.load(file)
    assert list(arrays) == ["weight", "bias", "marked"]
    np.testing.assert_array_equal(arrays["weight"], module.weight.detach().numpy())
    np.testing.assert_array_equal(arrays["marked"], [1, 1])


def test_the_metadata_of_a_modules_state_are_passed_over(file, torch, save):
    module = torch.nn.BatchNorm2d(3)
    save(module.state_dict())
    assert list(pth.load(file)) == list(module.state_dict())


class Schedule:
    """A class that only its training script knows."""

    def __init__(self):
        self.steps = [1, 2]


def training(torch, key):
    """What a training script saves: its state dict under a key, beside much else."""
    model = torch.nn.Linear(2, 3)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return model, {
        "epoch": 3,
        "arch": "resnet50",
        "best_acc1": torch.tensor(0.5),
        "optimizer": optimizer.state_dict(),
        "hyper_parameters": argparse.Namespace(lr=0.1, kind=Schedule),
        "lr_schedulers": [collections.Counter([2]), collections.defaultdict(list), {1, 2}],
        "loops": {"schedule": Schedule()},
        "numbers": np.arange(3.0),
        "spectrum": torch.ones(3, dtype=torch.complex64),
        "scaled": torch.ones(3).to(torch.float8_e4m3fn),
        key: model.state_dict(),
    }


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model", "net"])
def test_a_training_scripts_state_dict_is_taken_from_what_it_saved(file, torch, save, key):
    model, saved = training(torch, key)
    save(saved)
    arrays = pth.load(file)
    assert list(arrays) == ["weight", "bias"]
    np.testing.assert_array_equal(arrays["weight"], model.weight.detach().numpy())


def test_wrappers_in_wrappers_and_words_among_tensors(file, torch, save):
    save({"model": {"state_dict": {"w": torch.ones(2), "version": 3}}, "state_dict": None})
    assert list(pth.load(file)) == ["w"]


def test_a_tensor_with_attributes_is_a_tensor(file, torch, save):
    marked = torch.arange(3.0)
    marked.mark = "mine"
    save({"w": marked})
    np.testing.assert_array_equal(pth.load(file)["w"], [0, 1, 2])


def test_a_running_average_beside_the_state_dict_has_its_key(file, torch, save):
    """As timm's training script saves it; alone it is the state dict."""
    averaged = {"w": torch.zeros(1)}
    save({"state_dict": {"w": torch.ones(1)}, "state_dict_ema": averaged, "epoch": 1})
    assert {name: w.item() for name, w in pth.load(file).items()} == {
        "state_dict.w": 1,
        "state_dict_ema.w": 0,
    }
    save({"state_dict_ema": averaged})
    assert list(pth.load(file)) == ["w"]


def test_state_dicts_under_keys_of_their_own(file, torch, save):
    """As DINO's student and teacher, or an encoder and its decoder."""
    save({"encoder": {"w": torch.ones(1)}, "decoder": {"w": torch.zeros(1)}, "args": Schedule()})
    assert list(pth.load(file)) == ["encoder.w", "decoder.w"]
    save({"resnet": {"w": torch.ones(1)}, "step": 3, "optimizer": {"state": {0: {}}}})
    assert list(pth.load(file)) == ["w"]


class Hostile:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


@pytest.mark.parametrize("where", ["weight", "beside"])
@pytest.mark.parametrize("name", ["mkdir", "eval", "Linear"])
def test_refuses_other_globals_and_does_not_call_them(file, tmp_path, torch, save, name, where):
    calls = {"mkdir": (os.mkdir,), "eval": (eval, "1 + 1"), "Linear": (torch.nn.Linear, 1, 1)}
    call, trap = calls[name], tmp_path / "trap"
    hostile = Hostile(*call, *([str(trap)] if call == (os.mkdir,) else []))
    beside = {"state_dict": {"weight": torch.ones(1)}, "optimizer": hostile}
    save({"weight": hostile} if where == "weight" else beside)
    if (name, where) == ("Linear", "beside"):
        assert list(pth.load(file)) == ["weight"]
        return
    with pytest.raises(UserError, match=rf"refers to .*{call[0].__name__}, expected tensors only"):
        pth.load(file)
    assert not trap.exists()


def test_a_whole_model_is_refused_by_name(file, torch, save):
    for whole in (torch.nn.Linear(1, 1), {"model": torch.nn.Linear(1, 1)}):
        save(whole)
        with pytest.raises(UserError, match=r"refers to torch\.nn\.modules\.linear\.Linear"):
            pth.load(file)


@pytest.mark.parametrize("position", range(5))
def test_each_pickle_of_a_legacy_file_runs_nothing(file, tmp_path, position):
    trap = tmp_path / "trap"
    parts = [MAGIC, VERSION, {"little_endian": True}, {}, []]
    parts[position] = Hostile(os.mkdir, str(trap))
    file.write_bytes(b"".join(pickle.dumps(part, 2) for part in parts))
    with pytest.raises(UserError, match=r"refers to posix\.mkdir"):
        pth.load(file)
    assert not trap.exists()
    parts[position] = Hostile(print, "called")  # harmless, and not called either
    file.write_bytes(b"".join(pickle.dumps(part, 2) for part in parts))
    with pytest.raises(UserError, match="weights file"):
        pth.load(file)


def test_other_pickles(file):
    file.write_bytes(pickle.dumps({"conv1.weight": np.ones(3)}, 2))
    with pytest.raises(UserError, match="is a pickle, but not torch's"):
        pth.load(file)


@pytest.mark.parametrize("name", ["x" * 10**5, "red \x1b[31m\nline"])
def test_names_of_others_do_not_spoil_the_message(file, torch, save, name):
    save({name: 1, "weight": 2})
    with pytest.raises(UserError) as raised:
        pth.load(file)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 500
    with pytest.raises(UserError) as raised:
        raise unpickling.foreign(file, f"module.{name}")
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 500


def test_deep_nesting(file):
    deep = b"\x80\x02" + b"]" * 20_000 + b"a" * 19_999 + b"."
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", deep)
    with pytest.raises(UserError, match="got a list"):
        pth.load(file)


MILLION = 10**6
VAST = {
    "lists": b"]" * MILLION + b"a" * (MILLION - 1),
    "a key of tuples": b"})" + b"\x85" * MILLION + b"K\1s",
    "objects of classes": b"csome\nClass\n(" * MILLION + b"tR" * MILLION,
    "numbers": b"](" + b"K\1" * 2 * MILLION + b"e",
}


@pytest.mark.parametrize("vast", VAST.values(), ids=VAST)
@pytest.mark.parametrize("legacy", [False, True])
def test_a_vast_pickle_is_refused_before_it_is_read_whole(file, vast, legacy, monkeypatch):
    """Deep tuples would crash Python itself, where it hashes them; classes would take minutes."""
    pickled = b"\x80\2" + vast + b"."
    head = b"".join(pickle.dumps(part, 2) for part in (MAGIC, VERSION, {}))
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
    if legacy:
        file.write_bytes(head + pickled)
    seen, genops = [], pickletools.genops

    def counted(stream):
        seen.append(0)
        for instruction in genops(stream):
            seen[-1] += 1
            yield instruction

    monkeypatch.setattr(pickletools, "genops", counted)
    # Fewer than a second's worth of what makes no object.
    monkeypatch.setattr(unpickling, "MOST_INSTRUCTIONS", 200_000)
    monkeypatch.setattr(unpickling.Unpickler, "find_class", None)
    with pytest.raises(UserError, match="holds far more objects than weights do; save"):
        pth.load(file)
    assert len(seen) == (4 if legacy else 1)
    assert seen[-1] < 300_000


def test_the_largest_checkpoint_is_far_from_vast(file, torch, save):
    """ResNet152 with Adam's state has 930 arrays and three of each of 467 parameters."""
    parts = {f"layer{i}.weight": torch.nn.Parameter(torch.ones(1)) for i in range(930)}
    rows = {i: dict.fromkeys(("step", "exp_avg", "exp_avg_sq"), torch.ones(1)) for i in range(467)}
    save({"state_dict": parts, "optimizer": {"state": rows}})
    assert len(pth.load(file)) == 930


@pytest.mark.parametrize("names", [1, 30])
def test_a_small_file_that_would_fill_memory(file, torch, save, names, monkeypatch):
    """By one large storage that is compressed, or by many names of the same one."""
    monkeypatch.setattr(pth, "MOST", 1000)
    shared = torch.ones(20 if names > 1 else 300)
    save({f"w{i}": shared[:20] for i in range(names)})
    with pytest.raises(UserError, match=r"more than 1\.0e\+03 bytes"):
        pth.load(file)


@pytest.mark.parametrize(
    "name", [b"torch._utils\n_rebuild_tensor_v2", b"torch\nFloatStorage", b"some\nClass"]
)
@pytest.mark.parametrize("state", [{"x": 1}, (None, {"__call__": 1, "function": 1, "dtype": 1})])
def test_a_pickle_cannot_change_what_it_is_handed(file, name, state):
    """An instruction to set attributes of torch's function, of a type, of a class of any name."""
    body = pickle.dumps(state, 2)[2:-1]
    hostile = b"\x80\x02c" + name + b"\n" + body + b"b."
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", hostile)
    with pytest.raises(UserError, match=r"damaged|got a"):
        pth.load(file)
    assert not hasattr(unpickling.Skipped, "x")


@pytest.mark.parametrize(
    ("wrap", "message"),
    [
        (lambda one: {"weights": 3, "epoch": 3}, "a mapping with 'weights', 'epoch'"),
        (lambda one: [one], "got a list"),
        (lambda one: {}, "a mapping with nothing in it"),
        (lambda one: one, "got a single tensor"),
    ],
)
def test_refuses_what_is_no_state_dict(file, torch, save, wrap, message):
    save(wrap(torch.ones(1)))
    with pytest.raises(UserError, match=f"expected a state dict.*{message}"):
        pth.load(file)


@pytest.mark.parametrize("lost", [200, 3000, 4500])
def test_truncated_file(file, torch, save, lost):
    save({"weight": torch.ones(1000)})
    file.write_bytes(file.read_bytes()[:-lost])
    with pytest.raises(UserError, match="truncated") as raised:
        pth.load(file)
    assert not re.search(r"Error|Exception|<|storage \w", str(raised.value))


class Stored:
    """Pickles as a torch storage of 4 float32 values, by persistent id."""

    def __init__(self, *view):
        self.view = view


class Rebuilt:
    """Pickles as a tensor, by torch's own function."""

    def __init__(self, rebuild, storage, *arguments):
        self.rebuild, self.storage, self.arguments = rebuild, storage, arguments

    def __reduce__(self):
        return self.rebuild, (self.storage, *self.arguments)


class Pickler(pickle.Pickler):
    def __init__(self, stream, kind):
        super().__init__(stream, 2)
        self.kind = kind

    def persistent_id(self, item):
        if not isinstance(item, Stored):
            return None
        return ("storage", self.kind, "0", "cuda:0", 4, *item.view)


VALUES = np.arange(4, dtype=np.float32)


def write(file, torch, tensor, *, legacy):
    """A file of one tensor, by hand."""
    stream = io.BytesIO()
    Pickler(stream, torch.FloatStorage).dump({"w": tensor})
    if legacy:
        parts = [MAGIC, VERSION, {"little_endian": True}]
        head = b"".join(pickle.dumps(part, 2) for part in parts)
        count = len(VALUES).to_bytes(8, "little")
        keys = pickle.dumps(["0"], 2)
        file.write_bytes(head + stream.getvalue() + keys + count + VALUES.tobytes())
        return
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", stream.getvalue())
        archive.writestr("archive/data/0", VALUES.tobytes())


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (1, (4,), (1,)), (0, (2, 2), (3, 2)), (-1, (2,), (1,)), (3, (4,), (-1,)), (0, (-1,), (1,)),
        (0, (10**12,), (0,)),  # four values that would fill any memory
    ],
)  # fmt: skip
def test_tensor_outside_its_storage(file, torch, offset, size, stride, legacy):
    rebuild = torch._utils._rebuild_tensor_v2
    tensor = Rebuilt(rebuild, Stored(), offset, size, stride, False, OrderedDict())
    write(file, torch, tensor, legacy=legacy)
    with pytest.raises(UserError, match=r"damaged or truncated \((a tensor|more than)"):
        pth.load(file)


def test_tensors_of_the_first_versions_of_torch(file, torch):
    """Made by another function, of a part of a storage that several share, on a GPU."""
    part = Stored(("view", 1, 3))
    write(file, torch, Rebuilt(torch._utils._rebuild_tensor, part, 1, (2,), (1,)), legacy=True)
    np.testing.assert_array_equal(pth.load(file)["w"], [2, 3])
    part = Stored(("view", 2, 3))
    write(file, torch, Rebuilt(torch._utils._rebuild_tensor, part, 1, (2,), (1,)), legacy=True)
    with pytest.raises(UserError, match="damaged"):
        pth.load(file)


@pytest.mark.parametrize("kind", ["float32", "bfloat16", "int64"])
def test_zips_of_the_other_byte_order(file, torch, kind):
    """As torch writes them on such a machine: it marks them."""
    tensor = torch.tensor([1.5, -2.0, 3e4]).to(getattr(torch, kind))
    torch.save({"w": tensor}, file)
    size = tensor.element_size()
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            if name.endswith("/byteorder"):
                content = b"big"
            if "/data/" in name:
                items = (content[i : i + size][::-1] for i in range(0, len(content), size))
                content = b"".join(items)
            archive.writestr(name, content)
    np.testing.assert_array_equal(pth.load(file)["w"].astype(np.float64), tensor.double().numpy())


def test_older_files_are_little_endian_from_any_machine(file, torch):
    """torch has always swapped the bytes itself there."""
    tensor = Rebuilt(torch._utils._rebuild_tensor, Stored(), 0, (4,), (1,))
    write(file, torch, tensor, legacy=True)
    content = file.read_bytes()
    machines = [pickle.dumps({"little_endian": little}, 2) for little in (True, False)]
    assert machines[0] in content
    file.write_bytes(content.replace(*machines))
    np.testing.assert_array_equal(pth.load(file)["w"], VALUES)


class CalledParameter:
    """Pickles as torch.nn.Parameter did before torch 0.4: the class, its tensor, its state."""

    def __init__(self, parameter, tensor):
        self.parameter, self.tensor = parameter, tensor

    def __reduce__(self):
        return self.parameter, (self.tensor,), (True, False, OrderedDict())


@pytest.mark.parametrize("legacy", [False, True])
def test_parameters_of_the_first_versions_of_torch(file, torch, legacy):
    tensor = Rebuilt(torch._utils._rebuild_tensor, Stored(), 0, (2, 2), (2, 1))
    write(file, torch, CalledParameter(torch.nn.Parameter, tensor), legacy=legacy)
    np.testing.assert_array_equal(pth.load(file)["w"], [[0, 1], [2, 3]])
