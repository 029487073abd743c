"""The confusion matrix as the page has it: each cell leads to its patches in the gallery."""

from typing import NamedTuple
from urllib.parse import urlencode

from jaxcbis.labels import LABELS
from jaxcbis.report import paper
from jaxcbis.report.page.folder import Run

#: Shades of a cell, from none of its class's patches to all.
SHADES = 10


class Cell(NamedTuple):
    """One true class, one predicted class.

    Attributes:
      shade: 0 to SHADES.
      share: of the true class's patches, as text; '' where the class has none.
      patches: how many; None in the paper's matrix.
      address: of these patches in the gallery; '' where there are none to show.
    """

    shade: int
    share: str
    patches: int | None = None
    address: str = ""


class Matrix(NamedTuple):
    """Rows are true classes, columns predicted ones, in the order of LABELS."""

    title: str
    rows: list[list[Cell]]


def of(run: Run) -> list[Matrix]:
    """A run's matrix, and behind it the paper's where it has one; nothing before the test.

    Args:
      run: of the page.
    """
    test = run.results.get("test")
    if not test:
        return []
    shown = run.answers is not None and (run.folder / "gallery.json").is_file()
    rows = []
    for label, counts in zip(LABELS, test["confusion"], strict=True):
        total = sum(counts)
        rows.append([
            _cell(count / total, count, _address(label, other) if shown and count else "")
            if total
            else Cell(0, "", 0)
            for other, count in zip(LABELS, counts, strict=True)
        ])  # fmt: skip
    matrices = [Matrix("This run", rows)]
    if published := paper.row_of(run.results["config"]):
        printed = [[_cell(share) for share in shares] for shares in published.confusion]
        matrices.append(Matrix(f"Paper, {published.confusion_figure}: {published.name}", printed))
    return matrices


def _cell(share: float, count: int | None = None, address: str = "") -> Cell:
    return Cell(round(share * SHADES), f"{share:.2f}", count, address)


def _address(label: str, predicted: str) -> str:
    """As filters.js reads it."""
    return "#" + urlencode({"true": label, "predicted": predicted})
