"""The package from Python: what `import jaxcbis` offers by name, loaded when it is first used."""

import dataclasses
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxcbis.config import Config, resolve, unused
from jaxcbis.data import exported, pictures
from jaxcbis.data.custom import save_patches
from jaxcbis.detection.mammograms import sweep
from jaxcbis.errors import InvalidValueError, meant
from jaxcbis.machine import backend
from jaxcbis.machine.console import Level, telling, warn
from jaxcbis.runs import finished
from jaxcbis.runs.answers import explain, predict
from jaxcbis.runs.explanation import Explanation
from jaxcbis.runs.export import export
from jaxcbis.runs.finished import Finished

__all__ = [
    "Explanation", "Finished", "explain", "export", "load", "predict", "read_image",
    "save_patches", "sweep", "train",
]  # fmt: skip

#: Options that only a command has: several hosts are several processes, which end together.
_OF_COMMANDS = ("coordinator", "num_processes", "process_id")
_KINDS = {int: "a whole number", float: "a number", str: "text or a path", bool: "True or False"}


def train(
    backbone: str = "resnet50",
    strategy: str = "s2",
    data: Path | str | None = None,
    *,
    quiet: bool = False,
    **options: Any,
) -> Finished:
    """Trains, tests and scores one model, as the command `train` does, into the same folder.

    Args:
      backbone: 'vgg16', 'vgg19', 'resnet34' or 'resnet50'.
      strategy: 's1' for gradual unfreezing, 's2' for all but the frozen half at once.
      data: the release (its folder or archive.zip), or an .npz file of `prepare --export` or of
        `save_patches`, whose protocol and size are then the defaults; the built-in demo set,
        synthetic phantoms, if None.
      quiet: says nothing but warnings, on stderr.
      **options: of the command, with `_` for `-`, such as `protocol="clean"`, `epochs=10`,
        `output="runs/mine"`, `weights="random"` or `resume=True`; see `jaxcbis.config.Config`.

    Returns:
      The finished run.

    Raises:
      UserError: an option has a value that is not allowed (of another type: also a ValueError), the
        data or weights are not there (also a FileNotFoundError), `output` holds a run already, or
        JAX was at work before and the run asks for another device or compiler flags.
      TypeError: there is no such option.

    Examples:
      >>> run = jaxcbis.train("resnet50", "s2", data="mine.npz", image_size=32, epochs=1,
      ...                     weights="random", output="runs/mine", quiet=True)
      >>> run.folder.name, run.results["status"]
      ('mine', 'finished')
    """
    given = _typed({"backbone": backbone, "strategy": strategy, "data": data} | options)
    from jaxcbis.runs import run  # here: who only asks a finished run does not wait for it

    with telling(Level.QUIET if quiet else Level.NORMAL):
        config = resolve(given | exported.options_of_file(given))
        for line in unused(given, config):
            warn(line)
        run.run(config)
    return finished.load(config.output)


def _typed(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options as the command line's words become them.

    Raises:
      InvalidValueError: a value is of another type.
      TypeError: there is no such option.
    """
    kinds = {
        option.name: option.metadata["type"]
        for option in dataclasses.fields(Config)
        if option.name not in _OF_COMMANDS
    }
    found = {}
    for name, value in given.items():
        if name not in kinds:
            raise TypeError(f"train has no option {name!r}{meant(name, kinds)}")
        found[name] = value if value is None else _of_kind(name, value, kinds[name])
    return {name: value for name, value in found.items() if value is not None}


def _of_kind(name: str, value: Any, kind: type) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if kind is str and isinstance(value, (str, os.PathLike)):
        return os.path.expanduser(value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise InvalidValueError(f"{name}={value!r}: expected {_KINDS[kind]}")
    return value


def load(folder: Path | str) -> Finished:
    """Reads a finished run; the data it was trained on are not needed.

    JAX computes on a GPU where there is one, and keeps what it compiles for the next start, as the
    program does. Where JAX is at work already, it goes on as it is. The environment stays as it is.

    Args:
      folder: of the run, with its results.json and checkpoints.

    Raises:
      UserError: the folder holds no run (also a FileNotFoundError), one that is not finished or
        damaged, or one of another version of this package.

    Examples:
      >>> run = jaxcbis.load("runs/resnet50-s2-paper-seed0")
      >>> sorted(run.results["best"])
      ['epoch', 'phase', 'val_loss']
    """
    if not backend.has_started():
        backend.start("auto")
    return finished.load(os.path.expanduser(folder))


def read_image(path: Path | str) -> np.ndarray:
    """Reads an image to grey pixels.

    It is PNG, JPEG, TIFF, PGM, BMP, JPEG 2000, WebP or DICOM. What had to be assumed to read it, as
    the bits that it uses, is a warning.

    Args:
      path: of the file.

    Returns:
      uint8 [height, width], bright is dense.

    Raises:
      UserError: the file is not there (also a FileNotFoundError), damaged, of another kind, in
        colour, of several frames or smaller than 8 pixels.

    Examples:
      >>> jaxcbis.read_image("patch.png").shape
      (24, 18)
    """
    pixels, notes = pictures.read(os.path.expanduser(path))
    for note in notes:
        warnings.warn(f"{path}: {note}", stacklevel=2)
    return pixels
