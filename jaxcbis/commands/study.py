"""study: all backbones, strategies and hyperparameter sets."""

import argparse
from pathlib import Path

from jaxcbis import config as options
from jaxcbis import flags
from jaxcbis.commands.words import (
    GOES_ON,
    Commands,
    add_levels,
    given,
    options_of_file,
    require_positive,
)
from jaxcbis.designs import BACKBONES
from jaxcbis.machine.console import warn
from jaxcbis.records import paths, results

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
        help="Train all backbones, strategies and hyperparameter sets; choose, and compare with "
        "the paper. Given again, it goes on where it was ended.",
        usage="jaxcbis study --output DIR [options]",
    )
    options.add_arguments(words, _OPTIONS)
    add = flags.group(words, "model").add_argument
    add("--backbones", nargs="+", choices=BACKBONES, default=["vgg19", "resnet50"],
        help="The pretrained networks to start from (default: vgg19 resnet50).")  # fmt: skip
    add("--weights", nargs="+", default=["imagenet"], metavar="FILE",
        help="What to start from: imagenet, random, one FILE for all backbones, or one for each "
        "in their order (default: imagenet).")  # fmt: skip
    add = flags.group(words, "training").add_argument
    add("--strategies", nargs="+", choices=options.STRATEGIES, default=["s1", "s2"],
        help="How the networks are trained: s1 unfreezes them stage by stage; s2 trains all but "
        "the frozen half at once (default: s1 s2).")  # fmt: skip
    add("--seeds", type=int, default=1, metavar="N",
        help="The number of seeds, from 0 on, that each is trained with (default: 1).")  # fmt: skip
    add("--parallel", choices=["runs"],
        help="With runs, each device does runs of its own, a GPU several side by side. That is "
        "faster than a share of every run where batches are small (default: one run at a "
        "time).")  # fmt: skip
    flags.group(words, "output").add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="The folder of the study."
    )
    add_levels(words)
    words.set_defaults(command=run, again=GOES_ON)


def run(words: argparse.Namespace) -> None:
    """Does what the words say."""
    require_positive("--seeds", words.seeds)
    shared = {key: value for key, value in given(words).items() if key in _OPTIONS}
    shared |= options_of_file(shared)
    configs = [options.resolve(shared | {"backbone": backbone}) for backbone in words.backbones]
    for line in options.unused(shared, configs[0]):
        warn(line)
    done = results.are_finished(words.output / "study.json")  # and needs nothing any more
    if not done:
        paths.require_inputs(configs[0])  # which they have in common; before JAX is loaded
    from jaxcbis.data import loading
    from jaxcbis.study import run as study
    from jaxcbis.study.cells import Grid

    grid = Grid(words.backbones, words.strategies, words.seeds, words.weights)
    grid.weights_of()
    if not done:
        paths.require_weights(words.weights)
        loading.look(configs[0])
    study.run(shared, grid, words.output, parallel=words.parallel == "runs")
