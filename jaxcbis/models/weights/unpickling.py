"""A restricted unpickler for torch's files: it knows what tensors need, and runs nothing.

Every other name becomes an empty stand-in, so that an optimizer or hyper-parameters beside the
weights are passed over. A name by which a program could be run is refused.
"""

import pickle
import pickletools
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import ml_dtypes
import numpy as np

from jaxcbis.errors import UserError, one_line

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
    # No weights of ours lie in these, but they may lie beside them.
    "ComplexDoubleStorage": np.complex128,
    "ComplexFloatStorage": np.complex64,
    "QInt32Storage": np.int32,
    "QInt8Storage": np.int8,
    "QUInt8Storage": np.uint8,
    "UntypedStorage": np.uint8,
}
#: No training script saves these; nothing is called here, but the file is not to be trusted.
_HOSTILE_MODULES = {
    "ctypes", "importlib", "multiprocessing", "nt", "os", "posix", "pty", "runpy", "shutil",
    "socket", "subprocess", "sys", "webbrowser",
}  # fmt: skip
_HOSTILE_BUILTINS = {"eval", "exec", "execfile", "compile", "open", "__import__"}
#: Instructions of a pickle, and those among them that make an object, which may hold the one made
#: before. ResNet152 with Adam's state has 80,000 and 20,000. Python itself crashes where it hashes
#: more than some 130,000 tuples in each other.
MOST_INSTRUCTIONS, MOST_OBJECTS = 10**6, 10**5
_MAKING = {
    "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "LIST", "EMPTY_LIST", "DICT", "EMPTY_DICT", "EMPTY_SET",
    "FROZENSET", "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX",
    "PERSID", "BINPERSID",
}  # fmt: skip


# What a pickle is handed are tuples, so that its BUILD instructions can change nothing of them.
class _StorageType(NamedTuple):
    dtype: np.dtype


class Storage(NamedTuple):
    """`length` values of the storage of that key, from `start` on."""

    dtype: np.dtype
    key: str | int
    start: int
    length: int


class Tensor(NamedTuple):
    """A view of a storage; `offset` and `stride` count values."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class _Known(NamedTuple):
    """A function of torch that a pickle may call."""

    function: Callable

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)


class Skipped:
    """Stands in for an object of any class: takes what a pickle does to it, and keeps nothing."""

    __slots__ = ()

    def __new__(cls, *_, **__):
        return object.__new__(cls)

    def __init__(self, *_, **__):
        pass

    def _take(self, *_):
        return self

    __call__ = __setstate__ = __setitem__ = append = extend = add = _take


class Parameter(Skipped):
    """torch.nn.Parameter as torch before 0.4 pickled it: the class with its tensor.

    Before 0.1.10 the tensor was not an argument, but the first part of a state of five.
    """

    __slots__ = ("tensor",)

    def __new__(cls, tensor=None, *_):
        made = super().__new__(cls)
        made.tensor = tensor
        return made

    def __setstate__(self, state):
        if len(state) == 5:
            self.tensor = state[0]


class Unpickler(pickle.Unpickler):
    """Attributes: item_sizes: bytes of a value of each storage seen so far, by its key."""

    def __init__(self, stream: IO[bytes], file: Path, objects: Mapping[int, Any] | None = None):
        """Args: file: for messages. objects: storages and tensors that are referred to by id."""
        super().__init__(stream, encoding="latin1")  # files of Python 2 hold byte strings
        self.stream = stream
        self.file = file
        self.objects = objects or {}
        self.item_sizes: dict[str | int, int] = {}

    def load(self) -> Any:
        """Reads one pickle, and leaves the stream behind it.

        Raises:
          UserError: it holds far more than weights, or refers to what could run a program.
        """
        start = self.stream.tell()
        _require_moderate(self.stream, self.file)
        self.stream.seek(start)
        return super().load()

    def find_class(self, module: str, name: str) -> Any:
        """What a name in a pickle stands for.

        Raises:
          UserError: a program could be run by it.
        """
        if module in ("torch", "torch.cuda", "torch.storage") and name in _STORAGES:
            return _StorageType(np.dtype(_STORAGES[name]))
        if (module, name) in _KNOWN:
            return _KNOWN[module, name]
        outermost = module.partition(".")[0]
        if outermost in _HOSTILE_MODULES or (
            outermost in ("builtins", "__builtin__") and name in _HOSTILE_BUILTINS
        ):
            raise foreign(self.file, f"{module}.{name}")
        return type(f"{module}.{name}", (Skipped,), {"__slots__": ()})

    def persistent_load(self, pid: Any) -> Any:
        """What a reference to outside of the pickle stands for: mostly a storage."""
        if isinstance(pid, str):
            return self.objects[int(pid)]
        if pid[0] != "storage":  # a class, with its source, which is not looked at
            return pid[1] if pid[0] == "module" else pid[0]
        _, kind, key, _, length, *view = pid
        start = 0
        if view and view[0] is not None:  # a part of a storage that others share
            _, start, length = view[0]
        self.item_sizes[key] = kind.dtype.itemsize
        return Storage(kind.dtype, key, start, length)


def _require_moderate(stream: IO[bytes], file: Path) -> None:
    objects = 0
    for number, (instruction, _, _) in enumerate(pickletools.genops(stream)):
        objects += instruction.name in _MAKING
        if objects > MOST_OBJECTS or number > MOST_INSTRUCTIONS:
            raise UserError(
                f"weights file {file}: holds far more objects than weights do; "
                "save it with torch.save(model.state_dict(), file)"
            )


def foreign(file: Path, name: str) -> UserError:
    """The error of a file that refers to what it should not."""
    return UserError(
        f"weights file {file}: refers to {one_line(name)}, expected tensors only; "
        "save it with torch.save(model.state_dict(), file)"
    )


# The arguments of these are torch's; what follows those named here is of no use to an array.
def _rebuild_tensor(storage, offset, size, stride, *_):
    return Tensor(storage, offset, size, stride)


def _rebuild_parameter(tensor, *_):
    return tensor


def _rebuild_with_attributes(rebuild, _kind, arguments, _attributes):
    return rebuild(*arguments)


_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor"): _Known(_rebuild_tensor),
    ("torch._utils", "_rebuild_tensor_v2"): _Known(_rebuild_tensor),
    ("torch._utils", "_rebuild_parameter"): _Known(_rebuild_parameter),
    ("torch._utils", "_rebuild_parameter_with_state"): _Known(_rebuild_parameter),
    ("torch._tensor", "_rebuild_from_type_v2"): _Known(_rebuild_with_attributes),
    ("torch.nn.parameter", "Parameter"): Parameter,
}
