"""--print-completion: what makes a shell complete our commands, options, choices and files."""

import argparse
from collections.abc import Iterator
from typing import Any, NoReturn

from jaxcbis.errors import UserError, meant
from jaxcbis.machine import packages

SHELLS = ("bash", "zsh", "fish", "tcsh")


class PrintCompletion(argparse.Action):
    """Prints the script and ends; what writes it is loaded only then."""

    def __call__(
        self, parser: argparse.ArgumentParser, _: Any, shell: Any, __: str | None = None
    ) -> NoReturn:
        if shell not in SHELLS:
            raise UserError(
                f"--print-completion {shell}: expected one of {', '.join(SHELLS)}"
                f"{meant(shell, SHELLS)}"
            )
        packages.require("--print-completion", "shtab")
        import shtab

        for action in _actions(parser):
            metavar = action.metavar if isinstance(action.metavar, str) else ""
            if metavar == "DIR":
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
            elif metavar in ("PATH", "IMAGE") or metavar.startswith("FILE"):
                action.complete = shtab.FILE  # type: ignore[attr-defined]
        print(shtab.complete(parser, shell))
        parser.exit()


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Those of a parser and of its commands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
        else:
            yield action
