"""How well the maps meet the masks."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxcbis.report import paper
from jaxcbis.report.blind import BASELINES
from jaxcbis.report.figures.style import BLUE, GREEN, GREY, INK, VERMILLION

_OURS, _PAPERS = "this run", "paper (threshold not stated)"


def draw(results: dict) -> Figure:
    """LL score beside blind maps, and over all thresholds."""
    found, published = results["localization"], paper.row_of(results["config"])
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    _scores(left, found, published and published.ll_score)
    thresholds = {float(t): v for t, v in found["by_threshold"].items() if v is not None}
    right.plot(list(thresholds), list(thresholds.values()), "o-", color=BLUE, markersize=3)
    right.axvline(found["threshold"], color=GREEN, linestyle="--", linewidth=1)
    right.annotate("chosen", (found["threshold"], 1.01), xycoords=("data", "axes fraction"),
                   ha="center", fontsize=8)  # fmt: skip
    right.set(xlim=(0, 1), ylim=(0, None), xlabel="share of the map's maximum", ylabel="LL score")
    right.grid(alpha=0.3)
    return figure


def _scores(axes: Axes, found: dict, published: float | None) -> None:
    values = {
        _OURS: found["ll_score"],
        _PAPERS: published,
        **{name: found["baselines"].get(key) for key, name in BASELINES.items()},
    }
    shown = {name: value for name, value in values.items() if value is not None}
    for row, (name, value) in enumerate(shown.items()):
        colour = {_OURS: BLUE, _PAPERS: VERMILLION}.get(name, GREY)
        axes.barh(row, value, color=colour, height=0.6)
        edge = value
        if name == _OURS and (interval := found.get("ll_score_ci95")):
            edge = interval[1]
            axes.plot(interval, (row, row), color=INK, linewidth=2)
        axes.text(edge + 0.015, row, f"{value:.3f}", va="center", fontsize=9)
    axes.set_yticks(range(len(shown)), list(shown))
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="LL score (mean IoU)")
