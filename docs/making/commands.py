"""Puts every command and option on the page cli.md, from the parser that the program uses.

What a page says only to who reads its file, in the repository, is left out of the site.
"""

import argparse
import re
from collections.abc import Iterator
from typing import Any

from jaxcbis.commands.main import parser

#: Where they go.
PAGE, MARK = "cli.md", "<!-- commands -->"
HEAD = "| | what it is |\n|---|---|"
#: What only the file says.
_OF_THE_FILE = re.compile(r"<!-- in the file -->.*?<!-- /in the file -->\n?", re.DOTALL)
#: Of every command, or what this page is made of.
_UNSAID = (argparse._HelpAction, argparse._SubParsersAction)


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Called by MkDocs with the text of each page."""
    markdown = _OF_THE_FILE.sub("", markdown)
    if page.file.src_uri != PAGE:
        return markdown
    if markdown.count(MARK) != 1:
        raise ValueError(f"{PAGE}: expected {MARK} once")
    return markdown.replace(MARK, "\n\n".join(sections(parser())))


def sections(program: argparse.ArgumentParser) -> Iterator[str]:
    """A section for each command: what it does, its arguments and options, by group."""
    (found,) = (a for a in program._actions if isinstance(a, argparse._SubParsersAction))
    summaries = {action.dest: action.help for action in found._choices_actions}
    if rows := list(_rows(program, program._optionals)):
        yield "\n".join([HEAD, *rows])
    for name, command in found.choices.items():
        yield f"## {name}"
        yield (command.description or summaries.get(name) or "").strip()
        plain = (command._positionals, command._optionals)
        if rows := [row for group in plain for row in _rows(command, group)]:
            yield "\n".join([HEAD, *rows])
        for group in command._action_groups:
            if group not in plain and (rows := list(_rows(command, group))):
                yield f"### {name}: {group.title}"
                yield "\n".join([HEAD, *rows])


def _rows(command: argparse.ArgumentParser, group: argparse._ArgumentGroup) -> Iterator[str]:
    formatter = command._get_formatter()
    for action in group._group_actions:
        if action.help == argparse.SUPPRESS or isinstance(action, _UNSAID):
            continue
        words = ", ".join(action.option_strings) or _value(action)
        if action.option_strings and action.nargs != 0 and not action.choices:
            words = f"{words} {_value(action)}"
        said = formatter._expand_help(action) if action.help else ""
        if action.choices:
            one_of = ", ".join(f"`{choice}`" for choice in action.choices)
            said = f"{said.removesuffix('.')}. One of {one_of}."
        yield f"| `{words}` | {_cell(said)} |"


def _value(action: argparse.Action) -> str:
    value = action.metavar or action.dest.upper()
    return " ".join(value) if isinstance(value, tuple) else value


def _cell(text: str) -> str:
    """One line, with nothing that Markdown would read as a column or a tag."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
