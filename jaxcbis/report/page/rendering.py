"""A page as one file: style and scripts are inside, and its policy lets in no others."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from jaxcbis.machine import files

#: The style that all pages share.
BASE = Path(__file__).parent / "report.css"


def write(
    path: Path, template: Path, styles: Sequence[Path], scripts: Sequence[Path], **values: Any
) -> Path:
    """Writes a page.

    Args:
      path: of the page.
      template: extends or imports what lies beside it or beside this file.
      styles: behind the style that all pages share.
      scripts: in the order in which they run.
      **values: what the template shows.

    Returns:
      `path`.

    Raises:
      UserError: the page cannot be written.
    """
    style, script = (
        "\n".join(file.read_text(encoding="utf-8") for file in part)
        for part in ([BASE, *styles], scripts)
    )
    environment = Environment(
        loader=FileSystemLoader([template.parent, BASE.parent]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template(template.name).render(
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        **values,
    )
    files.write(path, page, "free space there or make the folder writable")
    return path


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")
