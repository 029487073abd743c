"""Tensors of a torch .pth file, read without torch and without running code from the file.

Such a file is a zip of one pickle and one raw storage per tensor. The unpickler here knows the
few names that a state dict of tensors needs, and refuses every other.
"""

import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from jaxcbis.errors import UserError

_STORAGES = {
    "DoubleStorage": np.float64,
    "FloatStorage": np.float32,
    "HalfStorage": np.float16,
    "BFloat16Storage": ml_dtypes.bfloat16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "CharStorage": np.int8,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
}


class _StorageType(NamedTuple):
    dtype: np.dtype


def load(file: Path) -> dict[str, np.ndarray]:
    """Reads a state dict written by `torch.save(model.state_dict(), file)`.

    Returns:
      The tensors as arrays, by name.

    Raises:
      UserError: the file is not in torch's zip format, is damaged, or holds anything but a state
        dict of dense tensors.
    """
    if not zipfile.is_zipfile(file):
        raise UserError(
            f"weights file {file}: not a zip file, so truncated or written by torch before 1.6; "
            "fetch it again, or re-save it with torch.save(torch.load(file), file)"
        )
    try:
        with zipfile.ZipFile(file) as archive:
            state = _Unpickler(archive, file).load()
    except UserError:
        raise
    except Exception as error:  # a damaged or hostile pickle can raise anything
        reason = " ".join(str(error).split())
        raise UserError(
            f"weights file {file}: damaged ({type(error).__name__}: {reason}); fetch it again"
        ) from error
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(array, np.ndarray) for name, array in state.items()
    ):
        raise UserError(
            f"weights file {file}: expected a state dict (names to tensors), got "
            f"{_describe(state)}; save it with torch.save(model.state_dict(), file)"
        )
    return dict(state)


class _Unpickler(pickle.Unpickler):
    def __init__(self, archive: zipfile.ZipFile, file: Path):
        (pickled,) = (n for n in archive.namelist() if n.endswith("/data.pkl"))
        super().__init__(archive.open(pickled))
        self.archive, self.file = archive, file
        self.folder = pickled.removesuffix("data.pkl")
        order = f"{self.folder}byteorder"
        if order in archive.namelist() and archive.read(order) != b"little":
            raise ValueError(f"byte order {archive.read(order)!r}, expected b'little'")

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _STORAGES:
            return _StorageType(np.dtype(_STORAGES[name]))
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        }
        if (module, name) in known:
            return known[module, name]
        raise UserError(
            f"weights file {self.file}: refers to {module}.{name}, expected tensors only; "
            "save it with torch.save(model.state_dict(), file)"
        )

    def persistent_load(self, pid: tuple) -> np.ndarray:
        kind, storage, key, _, count = pid
        if kind != "storage":
            raise ValueError(f"persistent id {kind!r}, expected 'storage'")
        values = np.frombuffer(self.archive.read(f"{self.folder}data/{key}"), storage.dtype)
        if len(values) != count:
            raise ValueError(f"storage {key} has {len(values)} values, expected {count}")
        return values


# The arguments are torch's.
def _rebuild_tensor(storage, offset, size, stride, requires_grad=False, hooks=None, metadata=None):
    if offset < 0 or min(size, default=0) < 0 or min(stride, default=0) < 0:
        raise ValueError(f"tensor with offset {offset}, size {size}, stride {stride}")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if 0 not in size and last >= len(storage):
        raise ValueError(f"tensor reaches value {last} of a storage of {len(storage)}")
    strides = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], size, strides).copy()


def _describe(state: Any) -> str:
    if isinstance(state, dict):
        return f"a mapping with {', '.join(map(repr, list(state)[:5]))}"
    return f"a {type(state).__name__}"
