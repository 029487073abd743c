"""From a weights file to arrays by parameter path."""

import hashlib
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import starmap
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from jaxcbis.designs import BACKBONES
from jaxcbis.errors import MissingFileError, UserError, one_line
from jaxcbis.models.weights import convention, keras, kinds, naming, pth, tables
from jaxcbis.models.weights.naming import Found

#: Of names in a message.
SHOWN = 3
#: Of a name in a message, in characters.
LONGEST = 120
#: Of names in common, for a file to look like another model's.
ALIKE = 0.9

_READERS: dict[str, Callable[[Path], dict[str, np.ndarray]]] = {
    kinds.SAFETENSORS: load_file,
    kinds.TORCH: pth.load,
    kinds.KERAS_HDF5: keras.load,
    kinds.KERAS_ARCHIVE: keras.load,
}


def read(file: Path) -> tuple[dict[str, np.ndarray], dict[str, str | None]]:
    """Reads all arrays of a weights file, without running code from it.

    Returns:
      The arrays by the file's own names (Keras: 'layer/kind'), and where they come from:
      {'source': path, 'sha256': of the file, 'format': of `kinds.kind`}.

    Raises:
      UserError: the file is absent, of another kind, or cannot be read.
    """
    form = ""
    try:
        form = kinds.kind(file)
        arrays = _READERS[form](file)
        with file.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except MissingFileError:  # which is an OSError, and has said it all
        raise
    except (
        OSError, SafetensorError, KeyError, TypeError, ValueError, MemoryError, zipfile.BadZipFile,
    ) as error:  # fmt: skip
        reason = one_line(str(error))
        raise UserError(
            f"weights file {file} cannot be read{form and f' as {form}'} ({reason}): "
            "fetch it again or give another file"
        ) from error
    return arrays, {"source": str(file), "sha256": sha256, "format": form}


class Given(NamedTuple):
    """A backbone in a weights file.

    Attributes:
      name: of the backbone.
      form: of `kinds.kind`.
      source: of the file, for people.
      arrays: all of the file's, by its own names.
      found: those of the backbone.
    """

    name: str
    form: str
    source: str
    arrays: Mapping[str, np.ndarray]
    found: Found


def find(arrays: Mapping[str, np.ndarray], name: str, source: Mapping[str, str | None]) -> Given:
    """Finds a backbone's arrays in a file's.

    Args:
      arrays, source: of `read`.
      name: of the backbone.

    Raises:
      UserError: the format has no such backbone, or the file holds several that differ.
    """
    form, place = str(source["format"]), str(source["source"])
    namings = tables.namings(BACKBONES[name], form)
    if not namings:
        raise UserError(
            f"weights {place} for {name}: Keras applications have vgg16, vgg19 and resnet50 only; "
            "give a .safetensors or .pth file"
        )
    found = naming.find(arrays, namings)
    first, *rest = found.prefixes
    equals = [prefix for prefix in rest if not naming.is_average(prefix)]
    if any(_differ(arrays, first, prefix, found.sources) for prefix in equals):
        raise UserError(
            f"weights {place}: holds more than one {name}, under {_models([first, *equals])}, and "
            "they differ; give a file with one of them"
        )
    return Given(name, form, place, arrays, found)


def fill(given: Given, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Converts a file's arrays to parameters.

    Args:
      given: with one row for every path in `shapes`.
      shapes: of every parameter and statistic to fill, by path.

    Returns:
      A float32 array for every path.

    Raises:
      UserError: with how many arrays are missing, left over, of a wrong shape or not of finite
        floating-point numbers, the first of each, and whose weights these seem to be.
    """
    arrays = given.found.arrays
    filled: dict[str, np.ndarray] = {}
    missing: list[str] = []
    wrong_shape: list[str] = []
    unfit: list[str] = []
    for target, sources, convert in given.found.rows:
        absent = [source for source in sources if source not in arrays]
        missing += absent
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
    unexpected = [name for name in arrays if name not in given.found.sources]
    if missing:  # then what lies beside may be what should have been there
        unexpected += given.found.others
    kinds_of_misfit = {
        "missing": missing,
        "unexpected": unexpected,
        "wrong shape": wrong_shape,
        "not finite numbers": unfit,
    }
    told = [f"{k} ({len(names)}): {_first(names)}" for k, names in kinds_of_misfit.items() if names]
    if told:
        raise UserError(
            f"weights {given.source} do not fit {given.name}; {_advice(given)}; {'; '.join(told)}"
        )
    return filled


def notes(given: Given, filled: Mapping[str, np.ndarray]) -> list[str]:
    """What a person should know of weights that fit.

    Args:
      given: the file.
      filled: of `fill`.
    """
    said = []
    first, *rest = given.found.prefixes
    averages = list(filter(naming.is_average, rest))
    if any(_differ(given.arrays, first, prefix, given.found.sources) for prefix in averages):
        said.append(
            f"weights {given.source}: those under {_models([first])} are taken, not their running "
            f"average under {_models(averages)}; to use it, save it alone"
        )
    if others := [name for name in given.found.others if not name.startswith(tuple(averages))]:
        one = len(others) == 1
        beside = f"{len(others)} array{'' if one else 's'} beside the backbone"
        told = f"{beside} {'was' if one else 'were'} left out ({_first(others)})"
        said.append(f"weights {given.source}: {told}")
    kernel = next(filled[row.target] for row in given.found.rows)
    variance = filled.get("stem/bn/var")
    doubts = convention.doubts(kernel, variance, keras=given.form.startswith("keras"))
    return said + [f"weights {given.source}: {doubt}" for doubt in doubts]


def _first(names: Sequence[str]) -> str:
    shown = (one_line(name, LONGEST) for name in names[:SHOWN])
    return ", ".join(shown) + (", .." if len(names) > SHOWN else "")


def _models(prefixes: Sequence[str]) -> str:
    return " and ".join(repr(one_line(prefix.rstrip("./"), LONGEST)) for prefix in prefixes)


def _differ(
    arrays: Mapping[str, np.ndarray], prefix: str, other: str, names: Iterable[str]
) -> bool:
    pairs = ((arrays[prefix + name], arrays[other + name]) for name in names)
    return not all(starmap(np.array_equal, pairs))


def _advice(given: Given) -> str:
    """Whose weights these look like by their names, and what to do about it."""
    likeness = {
        name: naming.find(given.arrays, namings).likeness
        for name, namings in tables.known(given.form).items()
    }
    nearest = max(likeness, key=lambda other: likeness[other])
    if nearest == given.name or likeness[nearest] < ALIKE:
        return "give another file"
    if nearest in BACKBONES:
        return f"these look like weights of {nearest}: give --backbone {nearest} or another file"
    look = f"these look like weights of {nearest}, which is no backbone here"
    plain = nearest.removesuffix("_bn")
    if plain != nearest and plain in BACKBONES:
        return f"{look}: {plain}, the same without BatchNorm, is the nearest; give a file of that"
    return f"{look}: give another file"


def _finite(array: np.ndarray) -> bool:
    # numpy does not count bfloat16 as floating.
    return bool(jnp.issubdtype(array.dtype, jnp.floating) and np.isfinite(array).all())
