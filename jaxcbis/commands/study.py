"""study: all backbones, strategies and hyperparameter sets."""

import argparse
from pathlib import Path

from jaxcbis import config as options
from jaxcbis.commands.words import GOES_ON, Commands, add_levels, given, require_positive
from jaxcbis.designs import BACKBONES

#: Options that all runs of a study have in common.
_OPTIONS = (
    "data", "protocol", "windows", "head_lr", "lr_decay", "epochs", "patience", "min_delta",
    "image_size", "batch_norm", "background_size", "output_stride", "head", "look_weight",
    "precision", "device", "deterministic", "cam_threshold", "cam_method", "cam_stage", "data_dir",
)  # fmt: skip


def add(commands: Commands) -> None:
    """Adds the command's words."""
    words = commands.add_parser(
        "study",
        help="train all backbones, strategies and hyperparameter sets; choose, compare",
        allow_abbrev=False,
    )
    options.add_arguments(words, _OPTIONS)
    add_levels(words)
    add = words.add_argument
    add("--backbones", nargs="+", choices=BACKBONES, default=["vgg19", "resnet50"],
        help="default: vgg19 resnet50")  # fmt: skip
    add("--strategies", nargs="+", choices=options.STRATEGIES, default=["s1", "s2"],
        help="default: s1 s2")  # fmt: skip
    add("--seeds", type=int, default=1, metavar="N", help="from 0 on (default: 1)")
    add("--weights", nargs="+", default=["imagenet"], metavar="FILE",
        help="imagenet, random, or one file per backbone (default: imagenet)")  # fmt: skip
    add("--parallel", choices=["runs"],
        help="runs: each device does runs of its own, a GPU several side by side, which is faster "
        "than a share of every run where batches are small")  # fmt: skip
    add("--output", type=Path, required=True, metavar="DIR",
        help="folder of the study; the same command goes on where it was ended")  # fmt: skip
    words.set_defaults(command=run, again=GOES_ON)


def run(words: argparse.Namespace) -> None:
    """Does what the words say."""
    require_positive("--seeds", words.seeds)
    shared = {key: value for key, value in given(words).items() if key in _OPTIONS}
    for backbone in words.backbones:  # what is wrong is said before JAX is loaded
        options.resolve(shared | {"backbone": backbone})
    from jaxcbis.study import run as study
    from jaxcbis.study.cells import Grid

    grid = Grid(words.backbones, words.strategies, words.seeds, words.weights)
    study.run(shared, grid, words.output, parallel=words.parallel == "runs")
