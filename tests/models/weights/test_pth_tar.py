"""The tar of torch.save before 0.1.10, as torchvision's first ResNets are; torch still reads it."""

import copyreg
import io
import os
import pickle
import struct
import tarfile

import numpy as np
import pytest

from jaxcbis.errors import UserError
from jaxcbis.models.weights import kinds, pth

KERNEL = np.arange(24, dtype=np.float32)
MEAN = np.array([0.5, 1.5], np.float16)


class Named:
    """Pickles as a reference by id."""

    def __init__(self, key):
        self.key = key


class Variable:
    """Pickles as torch.nn.Parameter did: its class made without arguments, and a state of five."""

    def __init__(self, parameter, key):
        self.parameter, self.state = parameter, (Named(key), None, None, True, False)

    @property
    def __class__(self):  # what makes the pickler write the instruction of that time
        return self.parameter

    def __reduce_ex__(self, protocol):
        return copyreg.__newobj__, (self.parameter,), self.state


class Pickler(pickle.Pickler):
    def persistent_id(self, item):
        return str(item.key) if isinstance(item, Named) else None


def pickled(*parts):
    stream = io.BytesIO()
    for part in parts:
        Pickler(stream, 2).dump(part)
    return stream.getvalue()


def metadata(size, stride, offset):
    axes = len(size)
    return struct.pack(f"<q{2 * axes + 1}q", axes, *size, *stride, offset)


@pytest.fixture
def members(torch):
    """A kernel that is transposed, a mean in a part of a storage, both known by ids."""
    storages = [pickled(3)]
    for key, kind, values in (
        (11, torch.FloatStorage, KERNEL),
        (12, torch.HalfStorage, MEAN),
        (13, torch.LongStorage, np.array([7])),
    ):
        storages += [pickled((key, "cuda:0", kind)), struct.pack("<q", len(values))]
        storages.append(values.tobytes())
    tensors = [
        pickled(3),
        pickled((21, 11, torch.FloatTensor)), metadata((2, 3, 4), (12, 1, 3), 0),
        pickled((22, 14, torch.HalfTensor)), metadata((1,), (1,), 0),
        pickled((23, 13, torch.LongTensor)), metadata((1,), (1,), 0),
    ]  # fmt: skip
    state = {"conv1.weight": Variable(torch.nn.Parameter, 21), "bn1.running_mean": Named(22)}
    return {
        "sys_info": pickled({"protocol_version": 1000, "little_endian": True}),
        "pickle": pickled(state | {"count": Named(23)}),
        "tensors": b"".join(tensors),
        "storages": b"".join(storages) + pickled([(14, 12, 1, 1)]),
    }


def write(file, members):
    with tarfile.open(file, "w:", format=tarfile.PAX_FORMAT) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1484000000.5
            archive.addfile(info, io.BytesIO(content))


def test_reads_what_torch_reads(members, torch, tmp_path):
    file = tmp_path / "resnet50-19c8e357.pth"
    write(file, members)
    assert kinds.kind(file) == kinds.TORCH
    arrays = pth.load(file)
    expected = torch.load(file, weights_only=False, map_location="cpu")
    assert list(arrays) == list(expected)
    for name, tensor in expected.items():
        np.testing.assert_array_equal(arrays[name], tensor.detach().numpy())
        assert str(tensor.dtype) == f"torch.{arrays[name].dtype}"
    np.testing.assert_array_equal(
        arrays["conv1.weight"], KERNEL.reshape(2, 4, 3).transpose(0, 2, 1)
    )
    np.testing.assert_array_equal(arrays["bn1.running_mean"], MEAN[1:])


class Hostile:
    def __init__(self, *arguments):
        self.arguments = arguments

    def __reduce__(self):
        return os.mkdir, self.arguments


@pytest.mark.parametrize("name", ["pickle", "tensors", "storages"])
def test_each_pickle_of_it_runs_nothing(members, tmp_path, name):
    trap = tmp_path / "trap"
    write(tmp_path / "w", members | {name: pickled(Hostile(str(trap)))})
    with pytest.raises(UserError, match=r"refers to posix\.mkdir"):
        pth.load(tmp_path / "w")
    assert not trap.exists()


@pytest.mark.parametrize(
    "broken",
    [
        {"storages": pickled(10**12)},
        {"tensors": pickled(1, (21, 11, None)) + struct.pack("<q", 2**31)},
        {"tensors": pickled(1, (21, 99, None)) + metadata((1,), (1,), 0)},
        {"pickle": pickled({"w": Named(77)})},
    ],
)
def test_damaged(members, tmp_path, broken):
    write(tmp_path / "w", members | broken)
    with pytest.raises(UserError, match="damaged"):
        pth.load(tmp_path / "w")


def test_truncated(members, tmp_path):
    write(tmp_path / "w", members)
    content = (tmp_path / "w").read_bytes()
    (tmp_path / "w").write_bytes(content[: content.index(KERNEL.tobytes()) + 8])
    with pytest.raises(UserError, match="truncated"):
        kinds.kind(tmp_path / "w")
    with pytest.raises(UserError, match="truncated"):
        pth.load(tmp_path / "w")
