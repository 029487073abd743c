"""The .pth reader against torch.save, and its refusal of everything but tensors."""

import io
import os
import pickle
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from jaxcbis.errors import UserError
from jaxcbis.models.weights import pth


@pytest.fixture
def file(tmp_path):
    return tmp_path / "weights.pth"


def test_reads_what_torch_wrote(file, torch):
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
    torch.save(state, file)
    arrays = pth.load(file)
    assert list(arrays) == list(state)
    for name, tensor in state.items():
        expected = tensor.float().numpy() if name == "bfloat" else tensor.numpy()
        np.testing.assert_array_equal(arrays[name].astype(expected.dtype), expected)
        assert arrays[name].shape == expected.shape
        assert str(tensor.dtype) == f"torch.{arrays[name].dtype}"


class Hostile:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


@pytest.mark.parametrize("name", ["mkdir", "eval", "Linear"])
def test_refuses_other_globals_and_does_not_call_them(file, tmp_path, torch, name):
    calls = {"mkdir": (os.mkdir,), "eval": (eval, "1 + 1"), "Linear": (torch.nn.Linear, 1, 1)}
    call, trap = calls[name], tmp_path / "trap"
    torch.save({"weight": Hostile(*call, *([str(trap)] if call == (os.mkdir,) else []))}, file)
    with pytest.raises(UserError, match=rf"refers to .*{call[0].__name__}, expected tensors only"):
        pth.load(file)
    assert not trap.exists()


@pytest.mark.parametrize(
    ("wrap", "message"),
    [
        (lambda one: {"state_dict": {"weight": one}, "epoch": 3}, "a mapping with 'state_dict'"),
        (lambda one: [one], "got a list"),
        (lambda one: one, "got a ndarray"),
    ],
)
def test_refuses_what_is_no_state_dict(file, torch, wrap, message):
    torch.save(wrap(torch.ones(1)), file)
    with pytest.raises(UserError, match=f"expected a state dict.*{message}"):
        pth.load(file)


def test_legacy_file_says_how_to_save_it_again(file, torch):
    torch.save({"weight": torch.ones(1)}, file, _use_new_zipfile_serialization=False)
    with pytest.raises(UserError, match=r"before 1\.6.*torch\.save"):
        pth.load(file)


def test_truncated_file(file, torch):
    torch.save({"weight": torch.ones(1000)}, file)
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(UserError, match="truncated"):
        pth.load(file)


class Stored:
    """Pickles as a torch storage of 4 float32 values, by persistent id."""


class Rebuilt:
    """Pickles as a tensor, by torch's own function."""

    def __init__(self, rebuild, *arguments):
        self.rebuild, self.arguments = rebuild, arguments

    def __reduce__(self):
        return self.rebuild, (Stored(), *self.arguments)


class Pickler(pickle.Pickler):
    def __init__(self, stream, kind):
        super().__init__(stream, 2)
        self.kind = kind

    def persistent_id(self, item):
        return ("storage", self.kind, "0", "cpu", 4) if isinstance(item, Stored) else None


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [(1, (4,), (1,)), (0, (2, 2), (3, 2)), (-1, (2,), (1,)), (3, (4,), (-1,)), (0, (-1,), (1,))],
)
def test_tensor_outside_its_storage(file, torch, offset, size, stride):
    stream = io.BytesIO()
    tensor = Rebuilt(torch._utils._rebuild_tensor_v2, offset, size, stride, False, OrderedDict())
    Pickler(stream, torch.FloatStorage).dump({"w": tensor})
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", stream.getvalue())
        archive.writestr("archive/data/0", np.arange(4, dtype=np.float32).tobytes())
    with pytest.raises(UserError, match="damaged"):
        pth.load(file)
