"""python -m benchmarks --against torch: every row, ours and PyTorch's, and their ratio.

python -m benchmarks COMMAND --help tells of the others: gpu, machine, parity, quality, scaling,
mammograms, hosts, preparing, kept, profile, jpeg-cost, tables.
"""

import argparse
import os
import signal
import sys
from importlib import import_module
from typing import NoReturn

from benchmarks.arguments import add_common, check
from jaxcbis.commands.main import EXIT_INTERRUPTED, EXIT_USER_ERROR
from jaxcbis.commands.words import Parser
from jaxcbis.designs import BACKBONES
from jaxcbis.errors import UserError
from jaxcbis.machine import process

#: The module of each, whose `main(arguments)` parses and runs.
COMMANDS = {
    "gpu": "gpu.command",
    "machine": "speed.machine",
    "parity": "gpu.parity",
    "quality": "quality.command",
    "scaling": "scaling.command",
    "mammograms": "mammograms.command",
    "hosts": "scaling.hosts",
    "preparing": "scaling.preparing",
    "kept": "speed.kept",
    "profile": "speed.profile",
    "jpeg-cost": "quality.jpeg_cost",
    "tables": "tables",
}

#: The least value of an option.
_BOUNDS = {
    "batch": 1, "image_size": 32, "images": 1, "epochs": 1, "repetitions": 1, "seconds": 1,
    "tuning_seconds": 1,
}  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Runs the benchmarks; returns the exit code: 0 done, 2 bad usage, 130 interrupted."""
    words = sys.argv[1:] if arguments is None else arguments
    signal.signal(signal.SIGTERM, _interrupt)
    # Of several GPUs PyTorch's side uses the first one, and so must ours.
    os.environ["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    try:
        if words and words[0] in COMMANDS:
            import_module(f"benchmarks.{COMMANDS[words[0]]}").main(words[1:])
            return 0
        options = _parser().parse_args(words)
        check(options, _BOUNDS)
        from benchmarks.speed import run  # JAX starts only when there is work for it

        run.run(options)
    except UserError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        print("benchmarks: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0


def _interrupt(number: int, frame: object) -> NoReturn:
    """SIGTERM ends a command as Ctrl-C does, and so ends the processes that it has started."""
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="benchmarks",
        description=__doc__.replace("\n\n", " "),
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add_common(parser)
    add = parser.add_argument
    add("--models", nargs="+", choices=BACKBONES, default=["vgg19", "resnet50"], help="backbones")
    add("--rows", nargs="+", metavar="ROW", help="only these; all if not given")
    add("--batch", type=int, default=16, metavar="N", help="images per step or call")
    add("--image-size", type=int, default=224, metavar="N", help="side of an image in pixels")
    add("--images", type=int, default=64, metavar="N", help="training patches of an epoch")
    add("--epochs", type=int, default=15, metavar="N", help="epochs of each phase of s1_run")
    add("--repetitions", type=int, default=9, metavar="N", help="most of a row")
    add("--seconds", type=float, default=120, metavar="X",
        help="after which a row begins no further repetition")  # fmt: skip
    add("--tuning-seconds", type=float, default=300, metavar="X",
        help="that a row's search for the fastest settings of PyTorch may take")  # fmt: skip
    return parser


if __name__ == "__main__":
    process.begin()
    sys.exit(main())
