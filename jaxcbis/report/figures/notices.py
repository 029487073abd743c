"""What must be printed on a picture that may be shown without its report."""

from matplotlib.figure import Figure

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


def stamp(figure: Figure, results: dict, size: float = 8) -> None:
    """Prints the notices of a run below a figure, on one line if it is wide enough.

    Args:
      figure: with matplotlib's constrained layout.
      results: content of results.json.
      size: of the writing in points.
    """
    told = of(results)
    grave = len(told) > 1
    wide = 0.65 if grave else 0.6  # of a character, as a share of its height
    line, columns = "  ".join(told), int(figure.get_figwidth() * 72 / (wide * size))
    figure.supxlabel(
        line if len(line) <= columns else "\n".join(told),
        fontsize=size, color=VERMILLION if grave else GREY, weight="bold" if grave else "normal",
    )  # fmt: skip
