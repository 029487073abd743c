"""Tensors of torch's files, read without torch and without running code from the file."""

import pickle
import zipfile
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from jaxcbis.errors import UserError, one_line
from jaxcbis.models.weights import torch_files
from jaxcbis.models.weights.kinds import MOST
from jaxcbis.models.weights.torch_files import Read
from jaxcbis.models.weights.unpickling import Parameter, Skipped, Tensor, foreign

#: Where training scripts keep the state dict in what they save, and its running average.
WRAPPERS = (
    "state_dict", "model_state_dict", "model", "model_state", "net", "network", "module",
    "weights", "params", "state_dict_ema", "ema_state_dict", "model_ema", "ema",
)  # fmt: skip
#: How deep wrappers lie in each other; a hostile one may lie in itself.
DEPTH = 3


def load(file: Path) -> dict[str, np.ndarray]:
    """Reads a state dict that torch.save wrote, alone or in what a training script saved.

    Returns:
      The tensors as arrays, by name; where there are several state dicts, by 'key.name'.

    Raises:
      UserError: the file is not torch's, is damaged, holds no state dict of dense tensors, or names
        what could run a program.
    """
    try:
        with file.open("rb") as stream:
            whole, read = torch_files.open_any(stream, file)
            tensors = _state_dict(whole)
            if not tensors:
                raise _no_state_dict(whole, file)
            _require_moderate(tensors.values())
            read = lru_cache(maxsize=1)(read)  # neighbours may share a storage
            return {name: _array(tensor, read) for name, tensor in tensors.items()}
    except (UserError, OSError):
        raise
    except Exception as error:  # a damaged or hostile pickle can raise anything
        raise UserError(
            f"weights file {file}: damaged or truncated{_words(error)}; fetch it again"
        ) from error


def _state_dict(saved: Any, depth: int = DEPTH) -> dict[str, Tensor]:
    """The tensors of the state dicts in what was saved; numbers and words are left out."""
    if not isinstance(saved, dict):
        return {}
    inside = {key: value for key, value in saved.items() if isinstance(value, dict)}
    wrapped = {
        key: found
        for key in WRAPPERS
        if key in inside and depth and (found := _state_dict(inside[key], depth - 1))
    }
    if wrapped:
        return _joined(wrapped)
    if own := _own_tensors(saved):
        return own
    parts = {key: _own_tensors(value) for key, value in inside.items()}
    return _joined({str(key): tensors for key, tensors in parts.items() if tensors})


def _own_tensors(state: dict) -> dict[str, Tensor]:
    bare = {k: v.tensor if isinstance(v, Parameter) else v for k, v in state.items()}
    return {k: v for k, v in bare.items() if isinstance(k, str) and isinstance(v, Tensor)}


def _joined(parts: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """One is taken without its key."""
    return {
        f"{key}.{name}" if len(parts) > 1 else name: tensor
        for key, tensors in parts.items()
        for name, tensor in tensors.items()
    }


def _require_moderate(tensors: Iterable[Tensor]) -> None:
    """Raises ValueError for more than memory is likely to hold."""
    total = 0
    for storage, _, size, _ in tensors:
        total += int(np.prod(size, dtype=float)) * storage.dtype.itemsize
        if max(total, storage.length * storage.dtype.itemsize) > MOST:
            raise ValueError(f"more than {MOST:.1e} bytes of weights")


def _array(tensor: Tensor, read: Read) -> np.ndarray:
    storage, offset, size, stride = tensor
    if offset < 0 or min(size, default=0) < 0 or min(stride, default=0) < 0:
        raise ValueError(f"a tensor with offset {offset}, size {size}, stride {stride}")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    # The second of these holds for any tensor that torch keeps in full.
    if 0 not in size and (last >= storage.length or np.prod(size, dtype=float) > storage.length):
        raise ValueError(f"a tensor of size {size} reaches beyond its {storage.length} values")
    values = read(storage)
    strides = [step * values.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(values[offset:], size, strides).copy()


def _words(error: Exception) -> str:
    """What an error says in brackets, where it says it in words."""
    plain = isinstance(error, (ValueError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile))
    return f" ({one_line(str(error))})" if plain and str(error) else ""


def _no_state_dict(whole: Any, file: Path) -> UserError:
    state = whole
    for _ in range(DEPTH):
        inner = [state[key] for key in WRAPPERS if key in state] if isinstance(state, dict) else []
        state = next((value for value in inner if isinstance(value, (dict, Skipped))), state)
    values = [whole, state, *(state.values() if isinstance(state, dict) else ())]
    if stand_in := next((value for value in values if isinstance(value, Skipped)), None):
        return foreign(file, type(stand_in).__name__)
    return UserError(
        f"weights file {file}: expected a state dict (names to tensors), got "
        f"{one_line(_describe(state))}; save it with torch.save(model.state_dict(), file)"
    )


def _describe(state: Any) -> str:
    if isinstance(state, dict):
        return f"a mapping with {', '.join(map(repr, list(state)[:5])) or 'nothing in it'}"
    return "a single tensor" if isinstance(state, Tensor) else f"a {type(state).__name__}"
