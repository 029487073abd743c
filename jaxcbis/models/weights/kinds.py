"""Which kind of file weights lie in, told by its first bytes: names are given in many ways."""

import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import h5py

from jaxcbis.errors import MissingFileError, UserError, one_line

SAFETENSORS = "torchvision-safetensors"
TORCH = "torchvision-pth"
KERAS_HDF5 = "keras-h5"
KERAS_ARCHIVE = "keras-archive"

#: The file in a .keras archive that holds the arrays.
KERAS_MEMBER = "model.weights.h5"
#: Those of the tar that torch.save wrote before 0.1.10.
TORCH_MEMBERS = {"sys_info", "pickle", "tensors", "storages"}
#: Bytes of arrays; the largest backbone has 0.6e9. A small file can claim to hold far more.
MOST = 4 * 2**30
READ = "safetensors, torch's .pth, or Keras' .h5 and .keras"

#: What people have instead, by how it begins.
_OTHERS = {
    b"version https://git-lfs": "is a pointer of Git LFS, not the file itself; run git lfs pull",
    b"<": "is a web page, not weights; download the file itself",
    b"\x1f\x8b": "is compressed with gzip; unpack it",
    b"BZh": "is compressed with bzip2; unpack it",
    b"\xfd7zXZ": "is compressed with xz; unpack it",
    b"Rar!": "is a RAR archive; unpack it",
    b"7z\xbc\xaf\x27\x1c": "is a 7z archive; unpack it",
    b"\x93NUMPY": "is a NumPy array; give the file that it was made from",
    b"MATLAB": "is MATLAB's; give a file for PyTorch or Keras",
}


def kind(file: Path) -> str:
    """The kind of a weights file.

    Returns:
      SAFETENSORS, TORCH, KERAS_HDF5 or KERAS_ARCHIVE.

    Raises:
      UserError: the file is absent, a folder, or none of these.
      OSError: it cannot be read.
    """
    if file.is_dir():
        raise UserError(f"weights {file}: is a folder; give a file ({READ})")
    if not file.exists():
        raise MissingFileError(
            f"weights file {file} does not exist: give 'imagenet', 'random' or the path of a file "
            f"({READ})"
        )
    with file.open("rb") as stream:
        head, size = stream.read(512), file.stat().st_size
    if head.startswith(b"PK\x03\x04"):  # PK alone may be the length of safetensors' header
        return _of_zip(file)
    if head[257:262] == b"ustar":
        return _of_tar(file)
    if h5py.is_hdf5(file):
        return KERAS_HDF5
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size:
        return SAFETENSORS
    if head.startswith(b"\x80"):  # a pickle; torch's begin with a number of their own
        return TORCH
    raise UserError(f"weights file {file}: {_other(head)}")


def _of_zip(file: Path) -> str:
    if not zipfile.is_zipfile(file):
        raise UserError(f"weights file {file}: truncated; fetch it again")
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
    if KERAS_MEMBER in names:
        return KERAS_ARCHIVE
    if sum(name.endswith("/data.pkl") for name in names) == 1:
        return TORCH
    raise _archive(file, names)


def _of_tar(file: Path) -> str:
    try:
        with tarfile.open(file, "r:") as archive:
            names = archive.getnames()
    except tarfile.TarError as error:
        raise UserError(f"weights file {file}: truncated; fetch it again") from error
    if set(names) >= TORCH_MEMBERS:
        return TORCH
    raise _archive(file, names)


def _archive(file: Path, names: Sequence[str]) -> UserError:
    if names and all(name.endswith(".npy") for name in names):
        return UserError(f"weights file {file}: is NumPy's; give the file that it was made from")
    held = one_line(", ".join(names[:3]) + (", .." if len(names) > 3 else ""))
    return UserError(
        f"weights file {file}: is an archive of {held}; unpack it and give one of its files"
    )


def _other(head: bytes) -> str:
    if not head:
        return "is empty; fetch it again"
    known = (said for start, said in _OTHERS.items() if head.lstrip().startswith(start))
    return next(known, f"is none of {READ}; fetch it again or give another file")
