"""The frame of a page: one file that needs no network, with its styles and scripts inside."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from jaxcbis.report import tables
from jaxcbis.report.page import glossary

HERE = Path(__file__).parent
#: What every page has; others follow behind.
STYLES = (HERE / "report.css",)
SCRIPTS = (HERE / "page.js",)


def render(
    template: Path, styles: Sequence[Path] = (), scripts: Sequence[Path] = (), **content: Any
) -> str:
    """A page as text.

    Args:
      template: it extends base.html, and may take macros from parts.html.
      styles, scripts: files, besides those that every page has.
      content: what the template shows, `title` among it.
    """
    style, script = _joined((*STYLES, *styles)), _joined((*SCRIPTS, *scripts))
    environment = Environment(
        loader=FileSystemLoader([template.parent, HERE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["linked"] = glossary.linked
    environment.globals |= {"terms": glossary.TERMS, "paper_row": tables.PAPER}
    return environment.get_template(template.name).render(
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        **content,
    )


def _joined(paths: Sequence[Path]) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")
