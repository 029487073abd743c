"""The same recipe trained by us and in plain PyTorch, on the same patches: what comes of both.

Weights, patches, split, normalisation, order of the batches, groups of the optimizer, early
stopping and the code that scores are the same on both sides; what differs is who trains.
"""

import argparse
import dataclasses
from importlib.util import find_spec
from pathlib import Path

from jaxcbis import config as options
from jaxcbis.commands.words import Parser
from jaxcbis.config import Config
from jaxcbis.errors import UserError

_NEEDED = {"torch": "torch", "torchvision": "torchvision", "pytorch_grad_cam": "grad-cam"}
#: Options of a run that a comparison does not have, or has in another sense. Its PyTorch trains by
#: cross-entropy alone.
_LEFT_OUT = ("precision", "look_weight", "output", "resume")


def main(arguments: list[str]) -> None:
    """Runs the command.

    Raises:
      UserError: bad usage, PyTorch absent, or what `comparison.compare` raises.
    """
    words = vars(_parser().parse_args(arguments))
    folder = words.pop("folder")
    config = options.resolve(words)
    if missing := [package for name, package in _NEEDED.items() if not find_spec(name)]:
        raise UserError(f'{", ".join(missing)} not installed; pip install -e ".[benchmark]"')
    if folder is None:
        folder = Path("runs") / f"quality-{config.backbone}-{config.strategy}-seed{config.seed}"
    # JAX and PyTorch start only when there is work for them.
    from benchmarks.quality import comparison

    comparison.compare(dataclasses.replace(config, output=str(folder / "ours")), folder)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="benchmarks quality", description=__doc__.replace("\n\n", " "), allow_abbrev=False
    )
    fields = dataclasses.fields(Config)
    options.add_arguments(parser, tuple(f.name for f in fields if f.name not in _LEFT_OUT))
    parser.add_argument(
        "--output", dest="folder", type=Path, metavar="DIR",
        help="folder of the results (default: runs/quality-<backbone>-<strategy>-seed<N>)",
    )  # fmt: skip
    return parser
