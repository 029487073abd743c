"""What must be printed on a picture that may be shown without its report."""

from matplotlib.figure import Figure, SubFigure

from jaxcbis.report.figures.style import GREY, VERMILLION
from jaxcbis.report.tables import has_random_weights, is_demo

NO_DEVICE = "Not a medical device. For research on methods only."
DEMO = "DEMO DATA: synthetic phantoms, not mammograms."
RANDOM = "RANDOM WEIGHTS: nothing was transferred."


def of(results: dict) -> list[str]:
    """The notices of a run, the gravest first.

    Args:
      results: content of results.json.
    """
    return [
        *([DEMO] if is_demo(results) else []),
        *([RANDOM] if has_random_weights(results) else []),
        NO_DEVICE,
    ]


def stamp(figure: Figure | SubFigure, results: dict, size: float = 8) -> None:
    """Prints the notices of a run below a figure, where its layout leaves room for them.

    Args:
      figure: with matplotlib's constrained layout.
      results: content of results.json.
      size: of the writing in points.
    """
    told = of(results)
    grave = len(told) > 1
    figure.supxlabel(
        "  ".join(told),
        fontsize=size, color=VERMILLION if grave else GREY, weight="bold" if grave else "normal",
    )  # fmt: skip
