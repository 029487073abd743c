"""Whether a model is right as often as it says."""

from matplotlib.figure import Figure

from jaxcbis.report.figures.style import BLUE, GREY


def draw(results: dict) -> Figure:
    """How often the predicted class is right, by the probability that it was given."""
    return of(results["test"]["calibration"], "patches")


def of(found: dict, things: str) -> Figure:
    """The same of any answers.

    Args:
      found: of `calibration.calibration`, with bins.
      things: what was answered, in the plural.
    """
    figure = Figure(figsize=(4.2, 4.2), layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    rows = found["bins"]
    middle = [(row["low"] + row["high"]) / 2 for row in rows]
    width = rows[0]["high"] - rows[0]["low"]
    axes.plot((0, 1), (0, 1), ":", color=GREY, label="as often as it says")
    axes.plot(
        [row["confidence"] for row in rows],
        [row["accuracy"] for row in rows],
        "o-",
        color=BLUE,
        label=f"this model, calibration error {found['ece']:.3f}",
    )
    axes.set(ylabel="share that is right", ylim=(-0.02, 1.02), xlim=(0, 1))
    axes.legend(fontsize=8, loc="lower right")
    axes.grid(alpha=0.3)
    below.bar(middle, [row["n"] for row in rows], width * 0.9, color=BLUE)
    below.set(xlabel="probability of the predicted class", ylabel=things)
    return figure
