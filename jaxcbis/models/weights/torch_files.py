"""The three formats that torch.save has had, read to the saved object and a reader of storages.

A zip since 1.6: one pickle, and one raw storage per file. Since 0.1.10 five pickles in a row (magic
number, version, machine, object, keys of the storages), then the storages; a GPU's, a big-endian
machine's, too, are written little-endian. Before that a tar: storages, tensors over them, and a
pickle of the object, which refers to both by id; torchvision's first ResNets are such.
"""

import os
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from jaxcbis.errors import UserError
from jaxcbis.models.weights.unpickling import Storage, Tensor, Unpickler

MAGIC = 0x1950A86A20F9469CFC6C

#: Reads the values of a storage.
Read = Callable[[Storage], np.ndarray]


def open_any(stream: IO[bytes], file: Path) -> tuple[Any, Read]:
    """Unpickles what torch.save wrote, with stand-ins of `unpickling` for all but tensors.

    Args:
      stream: of the file, at its beginning; for as long as storages are read.
      file: for messages.

    Returns:
      The object, and a reader of the storages that its tensors name.

    Raises:
      UserError: the file names what could run a program, or is another pickle.
      Exception: of any kind; the file is damaged or hostile.
    """
    head = stream.read(512)
    stream.seek(0)
    if head.startswith(b"PK"):
        return _from_zip(stream, file)
    return (_from_tar if head[257:262] == b"ustar" else _from_pickles)(stream, file)


def _from_zip(stream: IO[bytes], file: Path) -> tuple[Any, Read]:
    archive = zipfile.ZipFile(stream)
    (pickled,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
    folder = pickled.removesuffix("data.pkl")
    order = f"{folder}byteorder"
    swapped = order in archive.namelist() and archive.read(order) == b"big"

    def read(storage: Storage) -> np.ndarray:
        member = f"{folder}data/{storage.key}"
        size = archive.getinfo(member).file_size
        if size != storage.length * storage.dtype.itemsize:
            raise ValueError(f"{size} bytes in the place of {storage.length} values")
        values = np.frombuffer(archive.read(member), storage.dtype)
        return values.byteswap() if swapped else values

    return Unpickler(archive.open(pickled), file).load(), read


def _from_pickles(stream: IO[bytes], file: Path) -> tuple[Any, Read]:
    if Unpickler(stream, file).load() != MAGIC:
        raise UserError(
            f"weights file {file}: is a pickle, but not torch's; "
            "save it with torch.save(model.state_dict(), file)"
        )
    for _ in ("version", "machine"):  # there is one version; the machine's byte order has no say
        Unpickler(stream, file).load()
    unpickler = Unpickler(stream, file)
    whole = unpickler.load()
    places = {}
    for key in Unpickler(stream, file).load():
        places[key] = _place(stream, unpickler.item_sizes[key])
    return whole, _reader(stream, places)


def _from_tar(stream: IO[bytes], file: Path) -> tuple[Any, Read]:
    archive = tarfile.open(fileobj=stream, mode="r:")  # noqa: SIM115 - the stream is the caller's
    objects: dict[int, Any] = {}
    places = {}

    storages = _member(archive, "storages")
    for _ in range(Unpickler(storages, file).load()):
        key, _, kind = Unpickler(storages, file).load()
        places[key] = _place(storages, kind.dtype.itemsize)
        objects[key] = Storage(kind.dtype, key, 0, places[key][1])
    for key, root, start, length in Unpickler(storages, file).load():  # parts of these
        objects[key] = objects[root]._replace(start=start, length=length)

    tensors = _member(archive, "tensors")
    for _ in range(Unpickler(tensors, file).load()):
        key, storage, _ = Unpickler(tensors, file).load()
        axes = int.from_bytes(tensors.read(8)[:4], "little")  # what follows has no meaning
        numbers = np.frombuffer(tensors.read(8 * (2 * axes + 1)), "<i8").tolist()
        size, stride = tuple(numbers[:axes]), tuple(numbers[axes:-1])
        if storage is not None:  # else it is empty
            objects[key] = Tensor(objects[storage], numbers[-1], size, stride)
        else:
            objects[key] = None

    return Unpickler(_member(archive, "pickle"), file, objects).load(), _reader(storages, places)


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    member = archive.extractfile(name)
    if member is None:
        raise ValueError(f"{name} is no file")
    return member


def _place(stream: IO[bytes], item_size: int) -> tuple[int, int]:
    """Where a storage's values begin and how many there are; leaves the stream behind them."""
    count = int.from_bytes(stream.read(8), "little")
    start = stream.tell()
    stream.seek(count * item_size, os.SEEK_CUR)
    return start, count


def _reader(stream: IO[bytes], places: Mapping[str | int, tuple[int, int]]) -> Read:
    length = stream.seek(0, os.SEEK_END)

    def read(storage: Storage) -> np.ndarray:
        start, count = places[storage.key]
        if storage.start < 0 or storage.length < 0 or storage.start + storage.length > count:
            raise ValueError(f"a tensor reaches beyond its {count} values")
        size = storage.length * storage.dtype.itemsize
        start += storage.start * storage.dtype.itemsize
        if start + size > length:
            raise ValueError("it ends before the values of all its tensors")
        stream.seek(start)
        return np.frombuffer(stream.read(size), storage.dtype)

    return read
