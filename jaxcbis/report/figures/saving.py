"""A matplotlib figure as PNG, for print, and as SVG, for a page."""

import io
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from jaxcbis.machine import files
from jaxcbis.report.figures.style import DARK_INK, INK

DPI = 300
#: An SVG that a page shows as an image cannot take the page's colours, but it is told which scheme
#: its reader chose.
_THEME = (
    f"<style>svg {{ color: {INK} }} "
    f"@media (prefers-color-scheme: dark) {{ svg {{ color: {DARK_INK} }} }}</style>"
)


def both(stem: Path, figure: Figure) -> None:
    """Writes `stem`.png and `stem`.svg of one drawing.

    Raises:
      UserError: a file cannot be written.
    """
    png(stem.with_suffix(".png"), figure)
    figure.set_layout_engine(None)  # all has its place now
    files.write(stem.with_suffix(".svg"), svg(figure))


def png(path: Path, figure: Figure, dpi: int = DPI) -> None:
    """Writes a figure as a PNG file, at print resolution unless another one is given.

    Raises:
      UserError: the file cannot be written.
    """
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi)
    files.make_folder(path.parent)
    files.write(path, file.getvalue())


def svg(figure: Figure) -> str:
    """A figure as an SVG document, the same wherever it is shown, with ink for light and dark."""
    file = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "jaxcbis"}):  # or the same figure would differ every time
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue().decode().replace(INK.lower(), "currentColor")
    return text.replace("<defs>", f"{_THEME}<defs>", 1)
