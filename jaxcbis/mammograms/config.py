"""Every option of a whole-image classifier, once: name, type, default, bounds and what it means."""

import argparse
import dataclasses
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jaxcbis import config as options
from jaxcbis import flags
from jaxcbis.config import Config
from jaxcbis.errors import InvalidValueError
from jaxcbis.flags import option, same

#: What a classifier starts from.
STARTS = ("patch", "imagenet", "random")
TOPS = ("residual", "vgg")
TOP_INPUTS = ("features", "heatmap")
#: Sides are whole multiples of the coarsest cell of a backbone, so that no cell hangs over an edge.
CELL = 32


@dataclass(frozen=True)
class MammogramConfig:
    """The options of one run, as `resolve` settles them; what results.json records."""

    data: str | None = option(
        None, "The Kaggle release (its folder or archive.zip) or the DICOM release", type=str,
        shown="the built-in demo set", metavar="PATH",
    )  # fmt: skip
    run: tuple[str, ...] = option(
        None, "The folder of the finished patch run to start from. Given several times, a "
        "classifier is trained from each, and their probabilities are averaged", type=tuple,
        shown="none; it must be given", metavar="DIR",
    )  # fmt: skip
    start: str = option(
        "patch", "What the network starts with: the patch run's weights (patch), the weights that "
        "the patch run itself started with (imagenet), or random ones", choices=STARTS, flag="from",
    )  # fmt: skip
    height: int = option(
        1152, "The height of a view in pixels, a multiple of 32", low=64, high=4096, demo=256
    )
    width: int = option(
        896, "The width of a view in pixels, a multiple of 32", low=64, high=4096, demo=192
    )
    top: Literal["residual", "vgg"] = option(
        "residual", "What stands behind the patch network: residual blocks, or blocks of a VGG",
        choices=TOPS,
    )  # fmt: skip
    top_blocks: int = option(2, "The number of these blocks", choices=(1, 2))
    top_input: Literal["features", "heatmap"] = option(
        "features", "What the top sees: the features of the last stage, or the heatmap that the "
        "patch run's head gives of them, five classes for each cell", choices=TOP_INPUTS,
    )  # fmt: skip
    batch_size: int = option(2, "The number of views in a training step", low=1, demo=4)
    top_lr: float = option(
        3e-5, "The learning rate of the top and of the head", low=0, demo=1e-4, metavar="X"
    )
    backbone_lr: float = option(
        1e-5, "The learning rate of the last stage in front of the top", low=0, demo=3e-5,
        metavar="X",
    )  # fmt: skip
    lr_decay: float = same(Config, "lr_decay")
    epochs: int = option(30, "The most epochs that a phase may take", low=1, demo=4)
    patience: int = option(
        5, "The number of epochs without improvement that end a phase", low=1, demo=2
    )
    min_delta: float = option(
        0.0, "The smallest fall of the validation loss that counts as an improvement", low=0,
        metavar="X",
    )  # fmt: skip
    no_augmentation: bool = option(
        False, "Train on the views as they are, without random flips and small rotations. The "
        "frozen stages then run once and not in each epoch"
    )  # fmt: skip
    no_gradient_checkpointing: bool = option(
        False, "Keep all activations for the gradient, which is faster and takes more memory"
    )
    seed: int = option(
        0, "The seed of the top, of the order of the batches and of the augmentation", low=0
    )
    precision: str = same(Config, "precision")
    device: str = same(Config, "device")
    deterministic: bool = same(Config, "deterministic")
    test_time_flips: bool = option(
        False, "Average each test view's probability over its four flips as well. Both figures are "
        "reported"
    )  # fmt: skip
    no_sweep: bool = option(
        False, "Leave out the baseline of the patch run swept over the test mammograms, which can "
        "take longer than the training", demo=True,
    )  # fmt: skip
    imagenet_run: str | None = option(
        None, "The folder of a finished mammogram run of the same views with --from imagenet, to "
        "compare with", type=str, shown="none", metavar="DIR",
    )  # fmt: skip
    coordinator: str | None = same(Config, "coordinator")
    num_processes: int | None = same(Config, "num_processes")
    process_id: int | None = same(Config, "process_id")
    output: str = option(
        None, "The folder of the results", type=str,
        shown="runs/mammogram-<name of the patch run>-<start>-seed<N>", metavar="DIR",
    )  # fmt: skip
    resume: bool = same(Config, "resume")
    data_dir: str | None = same(Config, "data_dir")

    @property
    def demo(self) -> bool:
        """Whether the run is on the built-in demo data."""
        return self.data is None


OPTIONS = dataclasses.fields(MammogramConfig)
NAMES = frozenset(each.name for each in OPTIONS)

#: Options that say how large a view is.
SIZE = ("height", "width")

#: The headings under which --help has the options.
GROUPS = {
    "data": ("data", *SIZE, "data_dir"),
    "model": ("run", "start", "top", "top_blocks", "top_input"),
    "training": (
        "batch_size", "top_lr", "backbone_lr", "lr_decay", "epochs", "patience", "min_delta",
        "no_augmentation", "no_gradient_checkpointing", "seed", "precision", "device",
        "deterministic",
    ),
    "figures": ("test_time_flips", "no_sweep", "imagenet_run"),
    "output": ("output", "resume"),
    "several hosts": ("coordinator", "num_processes", "process_id"),
}  # fmt: skip

#: Options that say where and how a run is computed, not what: a resumed run may change them.
INCIDENTAL = options.INCIDENTAL
#: Options on which no training hangs, only the figures that follow it.
SCORING = ("test_time_flips", "no_sweep", "imagenet_run")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options to a parser in the groups of GROUPS; its result leaves out unset ones."""
    flags.add_arguments(parser, OPTIONS, GROUPS)


def resolve(given: Mapping[str, Any]) -> MammogramConfig:
    """Fills in what the user left open.

    Args:
      given: options by field name; `run` is a list of folders.

    Raises:
      UserError: a value is out of its bounds or not among its choices, or no patch run is given.
      TypeError: there is no such option.
    """
    if unknown := sorted(given.keys() - NAMES):
        raise TypeError(f"no such option: {', '.join(unknown)}")
    values = flags.defaults(OPTIONS, demo=given.get("data") is None) | dict(given)
    for each in OPTIONS:
        flags.check(each, values[each.name])
    values["run"] = tuple(values["run"] or ())
    if not values["run"]:
        raise InvalidValueError(
            "--run: expected the folder of a finished patch run, made by the command train"
        )
    size(values)
    if values["imagenet_run"] is not None and values["start"] == "imagenet":
        raise InvalidValueError("--imagenet-run: this run itself starts from ImageNet")
    if values["output"] is None:
        patch = os.path.basename(os.path.abspath(values["run"][0]))
        values["output"] = "runs/mammogram-{}-{start}-seed{seed}".format(patch, **values)
    config = MammogramConfig(**values)
    options.check_hosts(config.coordinator, config.num_processes, config.process_id)
    return config


def size(given: Mapping[str, Any]) -> tuple[int, int]:
    """The height and width of a view.

    Args:
      given: options by field name; all but `data` and these two are passed over.

    Raises:
      InvalidValueError: one of them cannot be.
    """
    sides = [each for each in OPTIONS if each.name in SIZE]
    values = flags.defaults(sides, demo=given.get("data") is None)
    values |= {name: given[name] for name in SIZE if name in given}
    for each in sides:
        value = values[each.name]
        flags.check(each, value)
        if value % CELL:
            raise InvalidValueError(
                f"{flags.named(each)} {value}: expected a multiple of {CELL}, such as "
                f"{max(round(value / CELL), 2) * CELL}"
            )
    return values["height"], values["width"]


def described(config: MammogramConfig) -> dict[str, str]:
    """The options by their flags, as a person reads them."""
    return {flags.named(each): flags.text(each, getattr(config, each.name)) for each in OPTIONS}


def recorded(config: MammogramConfig) -> dict[str, Any]:
    """The options as results keep them: with paths that mean the same in another folder."""
    values = dataclasses.asdict(config)
    for key in ("data", "imagenet_run"):
        if values[key] is not None:
            values[key] = os.path.abspath(values[key])
    return values | {"run": [os.path.abspath(folder) for folder in values["run"]]}


def differing(before: Mapping[str, Any], config: MammogramConfig, *, scored: bool) -> list[str]:
    """In what options differ from those that an earlier run recorded, in words.

    Those in INCIDENTAL do not count; nor does another spelling of a path.

    Args:
      before: 'config' of results.json.
      config: now.
      scored: whether the run has its figures, so that those in SCORING count, too.
    """
    free = INCIDENTAL if scored else (*INCIDENTAL, *SCORING)
    then = flags.defaults(OPTIONS, demo=before.get("data") is None) | dict(before)
    return [
        f"{key} was {then[key]}, is {now}"
        for key, now in recorded(config).items()
        if key not in free and _real(then[key]) != _real(now)
    ]


def _real(value: Any) -> Any:
    """A value in which two spellings of one path are alike."""
    if isinstance(value, (list, tuple)):
        return [_real(each) for each in value]
    return os.path.realpath(value) if isinstance(value, str) and os.sep in value else value


def command(config: Mapping[str, Any]) -> str:
    """The words that repeat a run: each option that is not at its default.

    Where and how the run was computed is left out: its device, its hosts, its folders.

    Args:
      config: 'config' of results.json.

    Returns:
      One line for a POSIX shell.

    >>> command({"data": None, "run": ["runs/a"], "seed": 1})
    'jaxcbis mammogram --run runs/a --seed 1'
    """
    usual = flags.defaults(OPTIONS, demo=config.get("data") is None)
    words = ["jaxcbis", "mammogram"]
    for known in OPTIONS:
        value = config.get(known.name)
        if known.name in INCIDENTAL or value is None or value == usual[known.name]:
            continue
        words += flags.words(known, value)
    return shlex.join(words)
