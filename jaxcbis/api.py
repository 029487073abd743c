"""The package from Python: what `import jaxcbis` offers by name, loaded when it is first used."""

import dataclasses
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from jaxcbis.config import Config, resolve, unused
from jaxcbis.data import exported, pictures
from jaxcbis.data.custom import save_patches
from jaxcbis.data.given import Several
from jaxcbis.detection.mammograms import sweep
from jaxcbis.errors import InvalidValueError, meant
from jaxcbis.machine import backend
from jaxcbis.machine.console import Level, telling, warn
from jaxcbis.mammograms import answers as whole_answers
from jaxcbis.mammograms import config as whole_config
from jaxcbis.mammograms import export as whole_export
from jaxcbis.mammograms import finished as whole_finished
from jaxcbis.mammograms.config import MammogramConfig
from jaxcbis.mammograms.explanation import MammogramExplanation
from jaxcbis.mammograms.finished import FinishedMammogram
from jaxcbis.records import results
from jaxcbis.runs import answers, finished
from jaxcbis.runs import export as patch_export
from jaxcbis.runs.explanation import Explanation
from jaxcbis.runs.finished import Finished

__all__ = [
    "Explanation", "Finished", "FinishedMammogram", "MammogramExplanation", "explain", "export",
    "load", "mammogram", "predict", "read_image", "save_patches", "sweep", "train",
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
    given = _typed(
        "train", Config, {"backbone": backbone, "strategy": strategy, "data": data} | options
    )
    from jaxcbis.runs import run  # here: who only asks a finished run does not wait for it

    with telling(Level.QUIET if quiet else Level.NORMAL):
        config = resolve(given | exported.options_of_file(given))
        for line in unused(given, config):
            warn(line)
        run.run(config)
    return finished.load(config.output)


def mammogram(
    run: Finished | Path | str | Sequence[Finished | Path | str],
    data: Path | str | None = None,
    *,
    quiet: bool = False,
    **options: Any,
) -> FinishedMammogram:
    """Trains and tests a classifier of whole mammograms, as the command `mammogram` does.

    Args:
      run: the finished patch run that it starts from, or its folder; of several a classifier
        each, whose probabilities are averaged.
      data: the release (its folder or archive.zip); the built-in demo set if None.
      quiet: says nothing but warnings, on stderr.
      **options: of the command, with `_` for `-`, such as `height=576`, `top_blocks=1`,
        `output="runs/mine"` or `resume=True`, and `start` for `--from`; see
        `jaxcbis.mammograms.config.MammogramConfig`.

    Returns:
      The finished run.

    Raises:
      UserError: an option has a value that is not allowed (of another type: also a ValueError), the
        data or a run are not there (also a FileNotFoundError), a run is no finished patch run,
        `output` holds a run already, or JAX was at work before and the run asks for another device
        or compiler flags.
      TypeError: there is no such option.

    Examples:
      >>> trained = jaxcbis.mammogram(run, height=96, width=64, output="runs/whole", quiet=True)
      >>> trained.folder.name, trained.results["status"]
      ('whole', 'finished')
    """
    several = run if isinstance(run, Sequence) and not isinstance(run, str) else [run]
    given = _typed("mammogram", MammogramConfig, {"data": data} | options)
    from jaxcbis.mammograms import run as training

    with telling(Level.QUIET if quiet else Level.NORMAL):
        config = whole_config.resolve(given | {"run": [_folder(each) for each in several]})
        training.run(config)
    return whole_finished.load(config.output)


def _folder(run: object) -> str:
    """The folder of a run that is given, or that is given itself."""
    if isinstance(run, Finished | FinishedMammogram):
        return str(run.folder)
    return _of_kind("run", run, str)


def _typed(function: str, kind: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Options as the command line's words become them.

    Args:
      function: that was called.
      kind: of its options, a dataclass.
      given: by name; those that are None are left out.

    Raises:
      InvalidValueError: a value is of another type.
      TypeError: there is no such option.
    """
    kinds = {
        option.name: option.metadata["type"]
        for option in dataclasses.fields(kind)
        if option.name not in _OF_COMMANDS
    }
    found = {}
    for name, value in given.items():
        if name not in kinds:
            raise TypeError(f"{function} has no option {name!r}{meant(name, kinds)}")
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


def load(folder: Path | str) -> Finished | FinishedMammogram:
    """Reads a finished patch run or mammogram run; the data of its training are not needed.

    JAX computes on a GPU where there is one, and keeps what it compiles for the next start, as the
    program does. Where JAX is at work already, it goes on as it is. The environment stays as it is.

    Args:
      folder: of the run, with its results.json and checkpoints.

    Returns:
      The run: of the command `train` a `Finished`, of `mammogram` a `FinishedMammogram`.

    Raises:
      UserError: the folder holds no run (also a FileNotFoundError), one that is not finished or
        damaged, or one of another version of this package.

    Examples:
      >>> run = jaxcbis.load("runs/resnet50-s2-paper-seed0")
      >>> sorted(run.results["best"])
      ['epoch', 'phase', 'val_loss']
      >>> jaxcbis.load("runs/mammogram").results["kind"]
      'mammogram'
    """
    if not backend.has_started():
        backend.start("auto")
    place = Path(os.path.expanduser(folder))
    return (whole_finished if results.is_on_mammograms(place) else finished).load(place)


def predict(run: Finished | FinishedMammogram, images: Several) -> np.ndarray:
    """What a run makes of one picture or of several, as probabilities.

    A patch run is asked about patches. Each is stretched to the model's size and normalised as
    the train split was as a whole: the paper's normalisation by class needs the answer.

    A mammogram run is asked about whole mammograms. The breast is cut out of each as it was for
    training, mirrored if it lies on the right. The answer is the mean of all members and, if the
    run has `test_time_flips`, of four flips.

    What had to be assumed of a picture, as the bits of 16 that it uses, is a warning.

    Args:
      run: of `jaxcbis.load`, `jaxcbis.train` or `jaxcbis.mammogram`.
      images: a picture or a list of n, of any sizes. A picture is a path (PNG, JPEG, TIFF, PGM,
        BMP, JPEG 2000, WebP, DICOM), a PIL image, or an array [height, width] or, where its
        channels are alike, [height, width, 3]: uint8, uint16, or floats from 0 to 1. An array
        [n, height, width] is a list of n.

    Returns:
      Of patches float64 [classes], in the order of `jaxcbis.LABELS`, of a list [n, classes]. Of
      mammograms the probability of malignancy, float64, of a list [n].

    Raises:
      UserError: it is no run, or a picture is of another kind (also a ValueError); its file is not
        there (also a FileNotFoundError) or cannot be read.

    Examples:
      >>> probabilities = jaxcbis.predict(run, "patch.png")
      >>> probabilities.shape, round(float(probabilities.sum()), 6)
      ((5,), 1.0)
      >>> jaxcbis.predict(run, ["patch.png", np.zeros((24, 24))]).shape
      (2, 5)
      >>> 0 <= float(jaxcbis.predict(whole, "mammogram.png")) <= 1
      True
    """
    if isinstance(run, FinishedMammogram):
        return whole_answers.predict(run, images)
    return answers.predict(run, images)


@overload
def explain(
    run: Finished, images: Several, *, target: str | int | None = ..., method: str | None = ...,
    stage: str | None = ...,
) -> Explanation: ...  # fmt: skip
@overload
def explain(
    run: FinishedMammogram, images: Several, *, method: str | None = ..., stage: str | None = ...,
) -> MammogramExplanation: ...  # fmt: skip
def explain(
    run: Finished | FinishedMammogram,
    images: Several,
    *,
    target: str | int | None = None,
    method: str | None = None,
    stage: str | None = None,
) -> Explanation | MammogramExplanation:
    """What a run makes of pictures, and the class activation maps that show where it looks.

    Args:
      run: a finished patch run or mammogram run.
      images: as of `predict`.
      target: class that the maps are of, by name or by its index in `jaxcbis.LABELS`; the most
        probable one of each picture if None. Of a patch run alone: the maps of a mammogram run
        are of malignancy.
      method: 'gradcam', 'gradcam++', 'hirescam', 'layercam' or, of a patch run, 'scorecam';
        if None the run's own, of a mammogram run 'gradcam'.
      stage: whose output is mapped, 'block1' to 'block5' of a VGG, 'stem' or 'layer1' to 'layer4'
        of a ResNet; also 'top', and 'heatmap' where there is one, of a mammogram run. If None the
        run's own, of a mammogram run the last one of the patch network, whose map is finer than
        that of the top.

    Returns:
      Probabilities and maps, of patches the labels, too; it draws them. Of one picture those of
      one, of a list those of n. The map of several members is the mean of theirs, each over its
      maximum.

    Raises:
      UserError: as of `predict`; or there is no such class, method or stage (also a ValueError).

    Examples:
      >>> found = jaxcbis.explain(run, "patch.png", target="MALIGNANT_Mass", method="hirescam")
      >>> found.labels in jaxcbis.LABELS, found.targets
      (True, 'MALIGNANT_Mass')
      >>> found.maps.shape  # at the model's size
      (32, 32)
      >>> figure = found.plot()  # patch, map and overlay side by side
      >>> jaxcbis.explain(whole, "mammogram.png").maps.shape  # over the view of the breast
      (96, 64)
    """
    if isinstance(run, FinishedMammogram):
        return whole_answers.explain(run, images, target=target, method=method, stage=stage)
    return answers.explain(run, images, target=target, method=method, stage=stage)


def export(run: Finished | FinishedMammogram, file: Path | str) -> Path:
    """Writes a run's model as StableHLO, weights and normalisation included.

    `jax.export.deserialize(bytearray(Path(file).read_bytes())).call(images)` takes uint8 grey
    pictures, any number n of them. Of a patch run they are [n, size, size], already at the run's
    --image-size, and it returns their class probabilities, float32 [n, classes]. Of a mammogram run
    they are [n, height, width], the breast already cut out as
    `jaxcbis.explain(run, mammogram).views` shows it, and it returns their probabilities of
    malignancy, float32 [n], the mean of all that `predict` averages.

    It is lowered for CPU, CUDA, ROCm and TPU. JAX promises to read such a file for six months.

    Args:
      run: of `jaxcbis.load`, `jaxcbis.train` or `jaxcbis.mammogram`.
      file: to write; one that exists is replaced.

    Returns:
      The file.

    Raises:
      UserError: it is no run (also a ValueError), or the file cannot be written.

    Examples:
      >>> jaxcbis.export(run, "model.stablehlo").name
      'model.stablehlo'
      >>> file = jaxcbis.export(whole, "mammogram.stablehlo")
      >>> served = jax.export.deserialize(bytearray(file.read_bytes()))
      >>> served.call(np.zeros((3, 96, 64), np.uint8)).shape
      (3,)
    """
    if isinstance(run, FinishedMammogram):
        return whole_export.export(run, file)
    return patch_export.export(run, file)


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
