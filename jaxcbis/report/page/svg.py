"""A matplotlib figure as SVG inside an HTML page.

The page's Content-Security-Policy forbids style attributes, so matplotlib's become attributes of
their own. Axes and text take the colour and the font of the page.
"""

import io
import re
from xml.etree import ElementTree

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

from jaxcbis.report.figures.style import INK

_NAMESPACE = re.compile(r"\{[^}]*\}")
_REFERENCE = re.compile(r"#([\w-]+)")
#: Of a figure that has all the room it wants.
PIXELS_PER_POINT = 1.6
_UNUSED = ("metadata", "style")


def inline(figure: Figure, alt: str, prefix: str) -> Markup:
    """Draws a figure for a page.

    Args:
      figure: whose text holds no formulas.
      alt: what a screen reader says instead.
      prefix: of the ids inside, which must differ from those of the page's other figures.

    Returns:
      An <svg> element.
    """
    file = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": prefix}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    root = ElementTree.fromstring(file.getvalue())
    for parent in root.iter():
        for child in list(parent):
            if _NAMESPACE.sub("", child.tag) in _UNUSED:
                parent.remove(child)
    elements = list(root.iter())
    for element in elements:
        _unstyle(element)
    values = (value for element in elements for value in element.attrib.values())
    used = {name for value in values for name in _REFERENCE.findall(value)}
    for element in elements:
        if element.attrib.get("id") not in used:
            element.attrib.pop("id", None)
        for key, value in element.attrib.items():
            if key == "id":
                element.set(key, f"{prefix}-{value}")
            elif key == "href" or "url(#" in value:
                element.set(key, value.replace("#", f"#{prefix}-"))
    for key in ("height", "version"):
        root.attrib.pop(key, None)
    width = float(root.attrib["viewBox"].split()[2])
    root.attrib |= {"width": f"{PIXELS_PER_POINT * width:.0f}", "role": "img", "aria-label": alt}
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _unstyle(element: ElementTree.Element) -> None:
    element.tag = _NAMESPACE.sub("", element.tag)
    attributes = {_NAMESPACE.sub("", key): value for key, value in element.attrib.items()}
    for declaration in attributes.pop("style", "").split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name == "font":  # weight, size and families in one
            attributes["font-size"] = next(word for word in value.split() if word.endswith("px"))
        elif name and not name.startswith("font-family"):
            attributes[name] = value
    for key, value in attributes.items():
        if value.upper() == INK:
            attributes[key] = "currentColor"
    element.attrib.clear()
    element.attrib.update(attributes)
