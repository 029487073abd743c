"""From a weights file to arrays by parameter path."""

import hashlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import h5py
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from jaxcbis.errors import UserError
from jaxcbis.models.weights import pth
from jaxcbis.models.weights.tables import Row

#: torchvision's and timm's classifiers, Keras' classifiers, and torch's count of batches.
UNUSED = re.compile(
    r"(fc|classifier|head|pre_logits)\..*|(fc1|fc2|fc1000|predictions|probs)/.*"
    r"|.*\.num_batches_tracked"
)
FORMATS = {".safetensors": "torchvision-safetensors", ".pth": "torchvision-pth", ".h5": "keras-h5"}

_KERAS_KINDS = {
    "kernel": "kernel",
    "bias": "bias",
    "gamma": "gamma",
    "beta": "beta",
    "moving_mean": "moving_mean",
    "moving_variance": "moving_variance",
    # The first Keras files have names of their own; their 'running_std' holds variances.
    "W": "kernel",
    "b": "bias",
    "running_mean": "moving_mean",
    "running_std": "moving_variance",
}
_KERAS_KIND = re.compile(rf"(?:.*_)?({'|'.join(_KERAS_KINDS)})(?:_\d+)?(?::0)?")


def read(file: Path) -> tuple[dict[str, np.ndarray], dict[str, str | None]]:
    """Reads all arrays of a weights file, without running code from it.

    Returns:
      The arrays by the file's own names (Keras: 'layer/kind'), and where they come from:
      {'source': path, 'sha256': of the file, 'format': one of FORMATS}.

    Raises:
      UserError: the file is absent, of another kind, or cannot be read.
    """
    if file.suffix not in FORMATS:
        raise UserError(
            f"weights {file}: expected 'imagenet', 'random' or a file ending in "
            f"{', '.join(FORMATS)}, got '{file.suffix}'"
        )
    if not file.is_file():
        raise UserError(f"weights file {file} does not exist: give the path of a weights file")
    readers: dict[str, Callable[[Path], dict[str, np.ndarray]]]
    readers = {".safetensors": load_file, ".pth": pth.load, ".h5": _read_keras}
    try:
        arrays = readers[file.suffix](file)
        with file.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"weights file {file} cannot be read as {FORMATS[file.suffix]} ({reason}): "
            "fetch it again or give another file"
        ) from error
    return arrays, {"source": str(file), "sha256": sha256, "format": FORMATS[file.suffix]}


def fill(
    arrays: dict[str, np.ndarray],
    table: Iterable[Row],
    shapes: dict[str, tuple[int, ...]],
    expected: str,
) -> dict[str, np.ndarray]:
    """Converts a file's arrays to parameters.

    Args:
      arrays: by the file's names.
      table: one row for every path in `shapes`.
      shapes: of every parameter and statistic to fill, by path.
      expected: the model and the file in words, for the error.

    Returns:
      A float32 array for every path.

    Raises:
      UserError: with all misfits: an array missing, left over, of a wrong shape or not of finite
        floating-point numbers.
    """
    filled: dict[str, np.ndarray] = {}
    missing: list[str] = []
    wrong_shape: list[str] = []
    unfit: list[str] = []
    used: set[str] = set()
    for target, sources, convert in table:
        absent = [source for source in sources if source not in arrays]
        missing += absent
        used.update(sources)
        if absent:
            continue
        values = [arrays[source] for source in sources]
        if not all(map(_finite, values)):
            unfit += sources
            continue
        try:
            value = np.asarray(convert(*values), np.float32)
        except (ValueError, IndexError):  # an array that has not even the right number of axes
            value = values[0]
        if value.shape == shapes[target]:
            filled[target] = value
        else:
            wrong_shape.append(f"{sources[0]} gives {value.shape}, expected {shapes[target]}")
    unexpected = [name for name in arrays if name not in used and not UNUSED.fullmatch(name)]
    kinds = {
        "missing": missing,
        "unexpected": unexpected,
        "wrong shape": wrong_shape,
        "not finite numbers": unfit,
    }
    misfits = [
        f"{kind} ({len(names)}): {', '.join(names)}" for kind, names in kinds.items() if names
    ]
    if misfits:
        raise UserError(f"weights do not fit {expected}; give another file; {'; '.join(misfits)}")
    return filled


def _finite(array: np.ndarray) -> bool:
    # numpy does not count bfloat16 as floating.
    return bool(jnp.issubdtype(array.dtype, jnp.floating) and np.isfinite(array).all())


def _read_keras(file: Path) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}

    def visit(name: str, item) -> None:
        if isinstance(item, h5py.Dataset):
            layer, *_, last = name.split("/")
            kind = _KERAS_KIND.fullmatch(last)
            plain = f"{layer}/{_KERAS_KINDS[kind[1]]}" if kind else name
            arrays[name if plain in arrays else plain] = item[()]

    with h5py.File(file) as root:
        root.visititems(visit)
    return arrays
