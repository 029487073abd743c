"""Tensors of torch's files, read without torch and without running code from the file.

torch.save writes a zip of one pickle and one raw storage per tensor. Before 1.6 it wrote five
pickles in a row (magic number, version, machine, object, keys of the storages), then the storages.

The unpickler here knows the few names that tensors need. Every other name becomes an empty
stand-in, so that an optimizer or hyper-parameters beside the weights are passed over; a name by
which a program could be run is refused. Storages are read of the weights alone.
"""

import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

import ml_dtypes
import numpy as np

from jaxcbis.errors import UserError

#: Where training scripts keep the state dict in what they save.
WRAPPERS = (
    "state_dict", "model_state_dict", "model", "model_state", "net", "network", "module",
    "weights", "params",
)  # fmt: skip

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
_MAGIC = 0x1950A86A20F9469CFC6C
#: No training script saves these; nothing is called here, but the file is not to be trusted.
_HOSTILE_MODULES = {
    "ctypes", "importlib", "multiprocessing", "nt", "os", "posix", "pty", "runpy", "shutil",
    "socket", "subprocess", "sys", "webbrowser",
}  # fmt: skip
_HOSTILE_BUILTINS = {"eval", "exec", "execfile", "compile", "open", "__import__"}


# What a pickle is handed are tuples, so that its BUILD instructions can change nothing of them.
class _StorageType(NamedTuple):
    dtype: np.dtype


class _Storage(NamedTuple):
    """`length` values of the storage of that key, from `start` on."""

    dtype: np.dtype
    key: str
    start: int
    length: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class _Known(NamedTuple):
    """A function of torch that a pickle may call."""

    function: Callable

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)


class _Skipped:
    """Stands in for an object of any class: takes what a pickle does to it, and keeps nothing."""

    __slots__ = ()

    def __new__(cls, *_, **__):
        return object.__new__(cls)

    def __init__(self, *_, **__):
        pass

    def _take(self, *_):
        return self

    __call__ = __setstate__ = __setitem__ = append = extend = add = _take


class _Parameter(_Skipped):
    """torch.nn.Parameter as torch before 0.4 pickled it: the class itself is called."""

    __slots__ = ("tensor",)

    def __init__(self, tensor=None, *_):
        self.tensor = tensor


#: Reads the values of a storage.
_Read = Callable[[_Storage], np.ndarray]


def load(file: Path) -> dict[str, np.ndarray]:
    """Reads a state dict that torch.save wrote, alone or in what a training script saved.

    Returns:
      The tensors as arrays, by name.

    Raises:
      UserError: the file is not torch's, is damaged, holds no state dict of dense tensors, or names
        what could run a program.
    """
    try:
        with file.open("rb") as stream:
            whole, read = (_from_zip if zipfile.is_zipfile(stream) else _from_legacy)(stream, file)
            state = _state_dict(whole, file)
            return {name: _array(tensor, read) for name, tensor in state.items()}
    except (UserError, OSError):
        raise
    except Exception as error:  # a damaged or hostile pickle can raise anything
        reason = " ".join(str(error).split())
        raise UserError(
            f"weights file {file}: damaged or truncated ({type(error).__name__}: {reason}); "
            "fetch it again"
        ) from error


def _from_zip(stream: IO[bytes], file: Path) -> tuple[Any, _Read]:
    archive = zipfile.ZipFile(stream)
    (pickled,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
    folder = pickled.removesuffix("data.pkl")
    order = f"{folder}byteorder"
    if order in archive.namelist() and archive.read(order) != b"little":
        raise ValueError(f"byte order {archive.read(order)!r}, expected b'little'")

    def read(storage: _Storage) -> np.ndarray:
        member = f"{folder}data/{storage.key}"
        size = archive.getinfo(member).file_size
        if size != storage.length * storage.dtype.itemsize:
            raise ValueError(f"storage {storage.key} has {size} bytes, not {storage.length} values")
        return np.frombuffer(archive.read(member), storage.dtype)

    return _Unpickler(archive.open(pickled), file).load(), read


def _from_legacy(stream: IO[bytes], file: Path) -> tuple[Any, _Read]:
    stream.seek(0)
    if _Unpickler(stream, file).load() != _MAGIC:
        raise ValueError("no file of torch")
    _Unpickler(stream, file).load()  # the version of the format, of which there is one
    if _Unpickler(stream, file).load()["little_endian"] is not True:
        raise ValueError("byte order big, expected little")
    unpickler = _Unpickler(stream, file)
    whole = unpickler.load()
    places: dict[str, tuple[int, int]] = {}
    for key in _Unpickler(stream, file).load():
        count = int.from_bytes(stream.read(8), "little")
        places[key] = stream.tell(), count
        stream.seek(count * unpickler.item_sizes[key], os.SEEK_CUR)
    length = stream.seek(0, os.SEEK_END)

    def read(storage: _Storage) -> np.ndarray:
        start, count = places[storage.key]
        if storage.start < 0 or storage.length < 0 or storage.start + storage.length > count:
            raise ValueError(f"storage {storage.key} has {count} values")
        size = storage.length * storage.dtype.itemsize
        start += storage.start * storage.dtype.itemsize
        if start + size > length:
            raise ValueError(f"it ends in storage {storage.key}")
        stream.seek(start)
        return np.frombuffer(stream.read(size), storage.dtype)

    return whole, read


class _Unpickler(pickle.Unpickler):
    """Attributes: item_sizes: bytes of a value of each storage seen so far, by its key."""

    def __init__(self, stream: IO[bytes], file: Path):
        super().__init__(stream, encoding="latin1")  # files of Python 2 hold byte strings
        self.file = file
        self.item_sizes: dict[str, int] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module in ("torch", "torch.cuda") and name in _STORAGES:
            return _StorageType(np.dtype(_STORAGES[name]))
        if (module, name) in _KNOWN:
            return _KNOWN[module, name]
        outermost = module.partition(".")[0]
        if outermost in _HOSTILE_MODULES or (
            outermost in ("builtins", "__builtin__") and name in _HOSTILE_BUILTINS
        ):
            raise _foreign(self.file, f"{module}.{name}")
        return type(f"{module}.{name}", (_Skipped,), {"__slots__": ()})

    def persistent_load(self, pid: tuple) -> Any:
        kind, what, *place = pid
        if kind == "module":  # a class, with its source, which is not looked at
            return what
        key, _, length, *view = place
        start = 0
        if view and view[0] is not None:  # a part of a storage that others share
            _, start, length = view[0]
        self.item_sizes[key] = what.dtype.itemsize
        return _Storage(what.dtype, key, start, length)


# The arguments of these two are torch's; what follows those named here is of no use to an array.
def _rebuild_tensor(storage, offset, size, stride, *_):
    return _Tensor(storage, offset, size, stride)


def _rebuild_parameter(tensor, *_):
    return tensor


_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor"): _Known(_rebuild_tensor),
    ("torch._utils", "_rebuild_tensor_v2"): _Known(_rebuild_tensor),
    ("torch._utils", "_rebuild_parameter"): _Known(_rebuild_parameter),
    ("torch._utils", "_rebuild_parameter_with_state"): _Known(_rebuild_parameter),
    ("torch.nn.parameter", "Parameter"): _Parameter,
}


def _state_dict(whole: Any, file: Path) -> dict[str, _Tensor]:
    """The tensors by name; numbers and words beside them are left out."""
    state = whole
    for _ in range(3):  # as deep as wrappers lie in each other; a hostile one may lie in itself
        inner = [state[k] for k in WRAPPERS if k in state] if isinstance(state, dict) else []
        state = next((value for value in inner if isinstance(value, dict)), state)
    items = state.items() if isinstance(state, dict) else [(None, state)]
    tensors = {}
    for name, value in items:
        tensor = value.tensor if isinstance(value, _Parameter) else value
        if isinstance(tensor, _Skipped):
            raise _foreign(file, type(tensor).__name__)
        if isinstance(name, str) and isinstance(tensor, _Tensor):
            tensors[name] = tensor
    if not tensors:
        raise UserError(
            f"weights file {file}: expected a state dict (names to tensors), got "
            f"{_describe(state)}; save it with torch.save(model.state_dict(), file)"
        )
    return tensors


def _array(tensor: _Tensor, read: _Read) -> np.ndarray:
    storage, offset, size, stride = tensor
    if offset < 0 or min(size, default=0) < 0 or min(stride, default=0) < 0:
        raise ValueError(f"tensor with offset {offset}, size {size}, stride {stride}")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    # The second of these holds for any tensor that torch keeps in full.
    if 0 not in size and (last >= storage.length or np.prod(size, dtype=float) > storage.length):
        raise ValueError(f"tensor of size {size} reaches beyond a storage of {storage.length}")
    values = read(storage)
    strides = [step * values.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(values[offset:], size, strides).copy()


def _foreign(file: Path, name: str) -> UserError:
    return UserError(
        f"weights file {file}: refers to {name}, expected tensors only; "
        "save it with torch.save(model.state_dict(), file)"
    )


def _describe(state: Any) -> str:
    if isinstance(state, dict):
        return f"a mapping with {', '.join(map(repr, list(state)[:5]))}"
    return "a single tensor" if isinstance(state, _Tensor) else f"a {type(state).__name__}"
