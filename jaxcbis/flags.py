"""Options as fields of a dataclass, each said once: its words on the command line, its bounds."""

import argparse
import dataclasses
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any

from jaxcbis.errors import InvalidValueError


# Ten parameters: what may be said of an option, each by its name.
def option(
    default, help, *, type=None, choices=None, low=None, high=None, demo=None, shown=None,
    metavar="N", flag=None,
):  # fmt: skip
    """A field with all that the command line needs.

    It has no default of its own, so that there is no dataclass of options but a whole one.

    Args:
      default: value where the user gives none; None if it is settled by other options.
      help: a sentence for --help, without its full stop, which comes behind the default.
      type: of the value; that of the default if not given. `tuple` is of texts, one each time.
      choices: values allowed.
      low, high: inclusive bounds of a number.
      demo: default on the built-in demo data, if another.
      shown: how --help shows the default, if not as it is.
      metavar: what stands for the value in --help, where there are no choices.
      flag: its word on the command line, if another than its name.
    """
    kind = type or default.__class__
    meta = {
        "default": default, "help": help, "type": kind, "choices": choices, "low": low,
        "high": high, "demo": demo, "shown": shown, "metavar": metavar, "flag": flag,
    }  # fmt: skip
    return field(metadata=meta)


def same(options: type, name: str) -> Any:
    """The option of this name in another dataclass, once more: what is said of it is said there."""
    (found,) = (each for each in dataclasses.fields(options) if each.name == name)
    return field(metadata=found.metadata)


def named(option: dataclasses.Field | str) -> str:
    """An option, or one of this name, as it stands on the command line."""
    name = option if isinstance(option, str) else option.metadata["flag"] or option.name
    return f"--{name.replace('_', '-')}"


def opposite(option: dataclasses.Field) -> str | None:
    """The word that undoes an option which is on by default on demo data; None if none does."""
    switched_on = option.metadata["type"] is bool and option.metadata["demo"]
    return f"--{option.name.removeprefix('no_').replace('_', '-')}" if switched_on else None


def words(option: dataclasses.Field, value: Any) -> list[str]:
    """The words on the command line that give an option a value other than its default."""
    if isinstance(value, bool):
        word = named(option) if value else opposite(option)
        return [word] if word else []
    several = value if isinstance(value, (list, tuple)) else [value]
    return [word for one in several for word in (named(option), str(one))]


def defaults(options: Iterable[dataclasses.Field], *, demo: bool) -> dict[str, Any]:
    """What options are if nobody gives them, by name.

    Args:
      options: fields made by `option`.
      demo: whether the data are the built-in demo's.
    """
    found = {}
    for each in options:
        meta = each.metadata
        small = demo and meta["demo"] is not None
        found[each.name] = meta["demo"] if small else meta["default"]
    return found


def text(option: dataclasses.Field, value: Any) -> str:
    """The value of an option as a person reads it."""
    if value is None:
        return str(option.metadata["shown"])
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def check(option: dataclasses.Field, value: Any) -> None:
    """Checks the value of an option.

    Raises:
      InvalidValueError: it is out of its bounds, or not among its choices.
    """
    flag, meta = named(option), option.metadata
    if value is None:
        return
    if choices := meta["choices"]:
        if value not in choices:
            raise InvalidValueError(
                f"{flag} {value}: expected one of {', '.join(map(str, choices))}"
            )
    elif meta["type"] in (int, float):
        low, high = meta["low"], meta["high"]
        if not math.isfinite(value) or value < low or (high is not None and value > high):
            bounds = f"of at least {low}" if high is None else f"from {low} to {high}"
            raise InvalidValueError(f"{flag} {value}: expected a number {bounds}")


def add_arguments(
    parser: argparse.ArgumentParser,
    options: Iterable[dataclasses.Field],
    groups: Mapping[str, Sequence[str]],
    names: Collection[str] | None = None,
) -> None:
    """Adds options to a parser; its result leaves out unset ones.

    Args:
      parser: to add to.
      options: fields made by `option`.
      groups: the names of the options under each heading of --help.
      names: of those to add; all if None.
    """
    fields = {each.name: each for each in options}
    for title, members in groups.items():
        wanted = [fields[name] for name in members if names is None or name in names]
        if wanted:
            heading = group(parser, title)
            for each in wanted:
                heading.add_argument(named(each), dest=each.name, **_for_argparse(each.metadata))
                if undo := opposite(each):
                    heading.add_argument(
                        undo, dest=each.name, action="store_false", default=argparse.SUPPRESS,
                        help=f"Undo {named(each)}, which is the default on demo data.",
                    )  # fmt: skip


def group(parser: argparse.ArgumentParser, title: str) -> argparse._ArgumentGroup:
    """The group of a parser's options under a heading, made if it is not there yet."""
    there = (found for found in parser._action_groups if found.title == title)
    return next(there, None) or parser.add_argument_group(title)


def _for_argparse(meta: Mapping[str, Any]) -> dict[str, Any]:
    if meta["type"] is bool:
        return {"action": "store_true", "default": argparse.SUPPRESS, "help": f"{meta['help']}."}
    shown = meta["shown"] or meta["default"]
    if meta["high"] is not None:
        shown = f"{shown}; {meta['low']} to {meta['high']}"
    if meta["demo"] is not None:
        shown = f"{shown}; on demo data {meta['demo']}"
    several = {"action": "append", "type": str} if meta["type"] is tuple else {}
    return {
        "default": argparse.SUPPRESS,
        "help": f"{meta['help']} (default: {shown}).".replace("%", "%%"),
        "type": _number_or_text(meta["type"]),
        "choices": meta["choices"],
        "metavar": None if meta["choices"] else meta["metavar"],
    } | several


def _number_or_text(kind: type) -> Any:
    def parse(text: str) -> Any:
        return kind(text)

    parse.__name__ = {int: "whole number", float: "number"}.get(kind, kind.__name__)
    return parse
