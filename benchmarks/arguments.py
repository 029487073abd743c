"""Words on the command line that several commands take, and their bounds."""

import argparse
from pathlib import Path

from jaxcbis.errors import UserError


def add_common(parser: argparse.ArgumentParser) -> None:
    """Adds --against, --device and --output."""
    parser.add_argument("--against", choices=("torch",), help="also time the same in PyTorch")
    add_device(parser)
    add_output(parser, "also write the results, and a plot")


def add_device(parser: argparse.ArgumentParser) -> None:
    """Adds --device."""
    choices = ("auto", "cpu", "gpu")
    parser.add_argument("--device", choices=choices, default="auto", help="where to compute")


def add_output(parser: argparse.ArgumentParser, text: str = "also write the results") -> None:
    """Adds --output, a file."""
    parser.add_argument("--output", type=Path, metavar="FILE.json", help=text)


def check(options: argparse.Namespace, bounds: dict[str, int]) -> None:
    """Requires numbers in their bounds, and a place for the output before hours of work.

    Args:
      options: with `output`.
      bounds: the least value by option; of a list, that of each item.

    Raises:
      UserError: one is not kept, or the output has no folder or another ending.
    """
    for name, low in bounds.items():
        given = getattr(options, name)
        for value in given if isinstance(given, list) else [given]:
            if not value >= low:
                flag = f"--{name.replace('_', '-')}"
                raise UserError(f"{flag} {value}: expected at least {low}")
    if options.output and not options.output.parent.is_dir():
        raise UserError(f"--output {options.output}: no such folder; make it first")
    if options.output and options.output.suffix != ".json":
        raise UserError(f"--output {options.output}: expected a name that ends in .json")
